/** Why the process can't start, in words that tell the operator what to mend: the message is enough. */
export class StartError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'StartError';
  }
}
