/** Too many signatures are being waited for. */
export class BudgetExceededError extends Error {
  constructor() {
    super('the signing budget is used up');
    this.name = 'BudgetExceededError';
  }
}

/**
 * Bounds the work that only one client gets: so much at a time, so much waiting, and not one more. A flood of nonces then
 * waits for itself, and not everybody else for it.
 */
export class SigningBudget {
  private running = 0;
  private begunThisTurn = 0;
  private turnEnds = false;
  private readonly waiting: (() => void)[] = [];

  /**
   * @param perTurn how much begins in one turn of the event loop. Work that never waits would else be done for a thousand
   *   requests that were read together, before anybody else is answered.
   */
  constructor(
    private readonly concurrency: number,
    private readonly queueLength: number,
    private readonly perTurn = Number.POSITIVE_INFINITY,
  ) {}

  /** @throws BudgetExceededError at once when the queue is full */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.waiting.length === 0 && this.hasRoom()) {
      this.begin();
    } else {
      if (this.waiting.length >= this.queueLength) throw new BudgetExceededError();
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    try {
      return await work();
    } finally {
      this.running -= 1;
      if (this.waiting.length > 0) this.awaitTurn();
    }
  }

  private hasRoom(): boolean {
    return this.running < this.concurrency && this.begunThisTurn < this.perTurn;
  }

  private begin(): void {
    this.running += 1;
    this.begunThisTurn += 1;
    this.awaitTurn();
  }

  /** What came in over the network meanwhile gets its turn first. */
  private awaitTurn(): void {
    if (this.turnEnds) return;
    this.turnEnds = true;
    setImmediate(() => {
      this.turnEnds = false;
      this.begunThisTurn = 0;
      while (this.waiting.length > 0 && this.hasRoom()) {
        this.begin();
        this.waiting.shift()!();
      }
    });
  }
}
