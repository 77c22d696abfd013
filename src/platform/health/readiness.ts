import { Injectable } from '@nestjs/common';

/** A thing that must hold before this instance may get traffic: resolves to null when it does, or to what is missing. */
export type ReadinessCheck = () => Promise<string | null>;

export interface Readiness {
  readonly ready: boolean;
  /** `ok`, or what is missing, by the name of the check. */
  readonly checks: Readonly<Record<string, string>>;
}

/** Features add their checks here, for platform knows no feature. */
@Injectable()
export class ReadinessChecks {
  private readonly checks = new Map<string, ReadinessCheck>();

  add(name: string, check: ReadinessCheck): void {
    this.checks.set(name, check);
  }

  async run(): Promise<Readiness> {
    const results = await Promise.all(
      [...this.checks].map(async ([name, check]) => [name, await withDeadline(check)] as const),
    );
    return {
      ready: results.every(([, missing]) => missing === null),
      checks: Object.fromEntries(results.map(([name, missing]) => [name, missing ?? 'ok'])),
    };
  }
}

const DEADLINE_MS = 5000;

async function withDeadline(check: ReadinessCheck): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('no answer in time'), DEADLINE_MS);
  });
  try {
    return await Promise.race([check().catch(() => 'the check failed; the log says why'), deadline]);
  } finally {
    clearTimeout(timer);
  }
}
