import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import type { Tx } from '../database/transaction.js';
import type { Role } from './permission.js';
import { requestIdOf } from './request-id.js';
import { EVERYTHING, type Scope } from './scope.js';

/** Who asks, and what they may do. Access control hangs one on each request. */
export interface Principal {
  /** For example `api-key:bootstrap-admin`. */
  readonly actor: string;
  /** Null may do nothing. */
  readonly role: Role | null;
  readonly scope: Scope;
  /** When all of this ends; null: not by itself. */
  readonly expiresAt: Date | null;
}

/** On whose behalf something is done: who, from where, in which request. Every audit event holds one. */
export interface Caller extends Principal {
  readonly sourceAddress: string | null;
  readonly requestId: string | null;
  /** Present where the call was made under an Idempotency-Key. */
  readonly idempotentCall?: IdempotentCall;
}

/** A call whose answer is kept for those who repeat it. */
export interface IdempotentCall {
  /**
   * Keeps the answer in the transaction of the act: whoever repeats the call gets it, also after a crash right behind the
   * COMMIT. @throws DomainError idempotency_in_progress when another instance took the call over and was first
   */
  store(tx: Tx, status: number, body: unknown): Promise<void>;
}

/** Nobody that we know, and from nowhere in particular. */
export const ANONYMOUS: Caller = {
  actor: 'anonymous',
  role: null,
  scope: { issuerIds: [], profiles: [] },
  expiresAt: null,
  sourceAddress: null,
  requestId: null,
};

/** The caller for what the control plane does by itself, for example `system:orphan-scheduler`. */
export function systemCaller(component: string): Caller {
  return {
    actor: `system:${component}`,
    role: 'admin',
    scope: EVERYTHING,
    expiresAt: null,
    sourceAddress: null,
    requestId: null,
  };
}

/** Who asks, or null on a public route. */
export function findPrincipal(request: Request): Principal | null {
  return (request.user as Principal | undefined) ?? null;
}

const IDEMPOTENT_CALL = Symbol('idempotent call');
const SOURCE_ADDRESS = Symbol('source address');
type CallingRequest = Request & { [IDEMPOTENT_CALL]?: IdempotentCall; [SOURCE_ADDRESS]?: string };

/** Lets what acts on this request know where it comes from, where that is not the peer but told by a trusted proxy. */
export function tellSourceAddress(request: Request, address: string): void {
  if (address !== '') (request as CallingRequest)[SOURCE_ADDRESS] = address;
}

/** Lets what acts on this request know that its answer is to be kept. */
export function makeIdempotent(request: Request, call: IdempotentCall): void {
  (request as CallingRequest)[IDEMPOTENT_CALL] = call;
}

export function callerOf(request: Request): Caller {
  const call = (request as CallingRequest)[IDEMPOTENT_CALL];
  return {
    ...ANONYMOUS,
    ...findPrincipal(request),
    sourceAddress: (request as CallingRequest)[SOURCE_ADDRESS] ?? peerOf(request),
    requestId: requestIdOf(request),
    ...(call === undefined ? {} : { idempotentCall: call }),
  };
}

/** The peer of the connection: never a header, which anybody can write. */
function peerOf(request: Request): string | null {
  const address = request.socket.remoteAddress;
  return address?.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/, '') ?? null;
}

/** The caller of this request, as a parameter of a controller's method. */
export const CurrentCaller = createParamDecorator((_: unknown, context: ExecutionContext) =>
  callerOf(context.switchToHttp().getRequest<Request>()),
);
