import { execFile } from 'node:child_process';

export interface AdminResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the compiled admin command. @param env the CERTPLANE_ variables; those of this process are not passed on */
export function runAdmin(env: Readonly<Record<string, string>>, ...args: string[]): Promise<AdminResult> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('CERTPLANE_'));
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['dist/src/admin.js', ...args],
      { env: { ...Object.fromEntries(own), ...env }, encoding: 'utf8', maxBuffer: 64 << 20 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        resolve({ code, stdout, stderr });
      },
    );
  });
}
