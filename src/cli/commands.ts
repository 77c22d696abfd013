import type { Command } from './command.js';
import { exportAudit, listAudit, listCheckpoints } from './commands/audit.js';
import { listCertificates, showCertificate } from './commands/certificates.js';
import { completionCommand } from './commands/completion.js';
import { exportCertificate } from './commands/export.js';
import { issueFromList } from './commands/issue-from.js';
import { issueCertificate } from './commands/issue.js';
import {
  createIssuer,
  disableIssuer,
  enableIssuer,
  importIssuer,
  listIssuers,
  retireIssuer,
  showIssuer,
} from './commands/issuers.js';
import { createKey, listKeys, revokeKey, rotateKey, showKey } from './commands/keys.js';
import { release } from './commands/release.js';
import { revoke } from './commands/revoke.js';
import { status } from './commands/status.js';
import { whoami } from './commands/whoami.js';

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  issueCertificate,
  issueFromList,
  listCertificates,
  showCertificate,
  exportCertificate,
  revoke,
  release,
  status,
  listIssuers,
  showIssuer,
  createIssuer,
  importIssuer,
  disableIssuer,
  enableIssuer,
  retireIssuer,
  listAudit,
  listCheckpoints,
  exportAudit,
  listKeys,
  showKey,
  createKey,
  rotateKey,
  revokeKey,
  whoami,
  completionCommand(() => COMMANDS),
];
