import type { IncomingMessage, ServerResponse } from 'node:http';
import { writeProblem } from './public-answer.js';
import type { PublicEndpoint } from './public-endpoint.js';

export const PUBLIC_PREFIX = '/.well-known/pki/';

/** Hands what lies under /.well-known/pki/ to its endpoint; false when the path lies elsewhere. */
export function createPublicRouter(
  endpoints: readonly PublicEndpoint[],
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const bySegment = new Map(endpoints.map((endpoint) => [endpoint.segment, endpoint]));
  return (request, response) => {
    const url = originForm(request.url ?? '/');
    if (!url.startsWith(PUBLIC_PREFIX)) return false;
    const query = url.indexOf('?');
    const path = url.slice(PUBLIC_PREFIX.length, query === -1 ? undefined : query);
    const slash = path.indexOf('/');
    const segment = slash === -1 ? path : path.slice(0, slash);
    const endpoint = bySegment.get(segment);
    if (endpoint) endpoint.handle(request, response, slash === -1 ? '' : path.slice(slash + 1));
    else writeProblem(request, response, 'not_found', 'There is nothing at this path.');
    return true;
  };
}

/** RFC 9112 section 3.2.2: a client may send the whole URL, as it does to a proxy, and must be served all the same. */
function originForm(target: string): string {
  return target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?#]*/i, '');
}
