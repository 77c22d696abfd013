import { Inject, Injectable, type LoggerService } from '@nestjs/common';
import { pino, type Logger as PinoLogger } from 'pino';
import type { LogLevel } from '../config/env.js';

/** The injection token of the process's {@link Logger}. */
export const LOGGER = Symbol('Logger');
export const InjectLogger = (): ParameterDecorator & PropertyDecorator => Inject(LOGGER);

export type Logger = PinoLogger;

/** JSON lines on standard error; standard output belongs to the person at the terminal. */
export function createLogger(level: LogLevel): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, redact: ['authorization', '*.authorization'] },
    pino.destination({ dest: 2, sync: true }),
  );
}

/** Lets Nest speak through our logger: its warnings and errors as such, its chatter at debug. */
@Injectable()
export class NestLogger implements LoggerService {
  constructor(@InjectLogger() private readonly logger: Logger) {}

  log(message: unknown, ...context: unknown[]): void {
    this.logger.debug({ context: context.at(-1) }, String(message));
  }
  error(message: unknown, ...context: unknown[]): void {
    this.logger.error({ context }, String(message));
  }
  warn(message: unknown, ...context: unknown[]): void {
    this.logger.warn({ context: context.at(-1) }, String(message));
  }
  debug(message: unknown, ...context: unknown[]): void {
    this.logger.trace({ context: context.at(-1) }, String(message));
  }
  verbose(message: unknown, ...context: unknown[]): void {
    this.logger.trace({ context: context.at(-1) }, String(message));
  }
}
