import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';
import { DomainError } from '../errors/domain-error.js';
import { InjectLogger, type Logger } from '../logging/logger.js';
import { PROBLEM_CONTENT_TYPE, problemOf } from './problem.js';
import { requestIdOf } from './request-id.js';

/** Turns whatever a controller throws into problem+json. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(@InjectLogger() private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<Request>();
    const response = http.getResponse<Response>();
    const problem = problemOf(error);
    const requestId = requestIdOf(request);
    if (problem.status >= 500) this.logger.error({ err: error, requestId, path: request.path }, 'request failed');
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (problem.status === 401) response.setHeader('WWW-Authenticate', 'Bearer realm="certplane"');
    const retryAfter = error instanceof DomainError ? error.additions.retryAfterSeconds : undefined;
    if (retryAfter !== undefined) response.setHeader('Retry-After', String(retryAfter));
    response
      .status(problem.status)
      .type(PROBLEM_CONTENT_TYPE)
      .send(JSON.stringify({ ...problem, ...(requestId === null ? {} : { request_id: requestId }) }));
  }
}
