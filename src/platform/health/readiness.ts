import { Injectable } from '@nestjs/common';
import { withDeadline } from '../clock/deadline.js';

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
      [...this.checks].map(async ([name, check]) => [name, await perform(check)] as const),
    );
    return {
      ready: results.every(([, missing]) => missing === null),
      checks: Object.fromEntries(results.map(([name, missing]) => [name, missing ?? 'ok'])),
    };
  }
}

const DEADLINE_MS = 5000;

function perform(check: ReadinessCheck): Promise<string | null> {
  const checked = check().catch(() => 'the check failed; the log says why');
  return withDeadline(checked, DEADLINE_MS, () => 'no answer in time');
}
