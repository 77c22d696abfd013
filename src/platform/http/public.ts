import { SetMetadata } from '@nestjs/common';

/** Metadata key of the routes that need no API key. */
export const PUBLIC_ROUTE = 'certplane:public-route';

/** Opens a route to everybody. Without it every route is closed; a test lists exactly which routes carry it. */
export const Public = (): MethodDecorator & ClassDecorator => SetMetadata(PUBLIC_ROUTE, true);
