import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { requestIdOf } from './request-id.js';

/** On whose behalf something is done: who, from where, in which request. Every audit event holds one. */
export interface Caller {
  readonly actor: string;
  readonly sourceAddress: string | null;
  readonly requestId: string | null;
}

/** What access control hangs on a request once it knows who asks. */
export interface Principal {
  /** For example `api-key:bootstrap-admin`. */
  readonly actor: string;
}

/** The caller for what the control plane does by itself, for example `system:orphan-scheduler`. */
export function systemCaller(component: string): Caller {
  return { actor: `system:${component}`, sourceAddress: null, requestId: null };
}

export function callerOf(request: Request): Caller {
  const principal = request.user as Principal | undefined;
  return {
    actor: principal?.actor ?? 'anonymous',
    sourceAddress: sourceAddressOf(request),
    requestId: requestIdOf(request),
  };
}

/** The peer of the connection: never a header, which anybody can write. */
function sourceAddressOf(request: Request): string | null {
  const address = request.socket.remoteAddress;
  return address?.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/, '') ?? null;
}

/** The caller of this request, as a parameter of a controller's method. */
export const CurrentCaller = createParamDecorator((_: unknown, context: ExecutionContext) =>
  callerOf(context.switchToHttp().getRequest<Request>()),
);
