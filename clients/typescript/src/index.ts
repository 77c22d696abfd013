// What the package gives out; inside of it, modules import each other directly.
export { CertplaneClient, type CertplaneClientOptions } from './client.js';
export type { AnswerHead, CallOptions, FileAnswer, WriteOptions } from './call.js';
export { ConnectionError, ProblemError, UnexpectedAnswerError, type ErrorCode, type FieldFault } from './errors.js';
export { HttpsTransport, type TlsOptions } from './https-transport.js';
export { eachItem, type Page } from './page.js';
export * from './schemas.js';
export type { Transport, TransportAnswer, TransportRequest } from './transport.js';
