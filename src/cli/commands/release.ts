import { randomUUID } from 'node:crypto';
import { CERTIFICATE_REFERENCE, findCertificate } from '../certificate-reference.js';
import { command, EXIT } from '../command.js';
import { toMoment } from '../wording.js';

export const release = command({
  name: 'release',
  summary: 'Take a certificate off hold; when it returns, OCSP says so everywhere',
  arguments: { certificate: { summary: CERTIFICATE_REFERENCE, file: true } },
  examples: [['One that was revoked with the reason certificateHold', 'certplane release www.pem']],
  run: async ({ client, terminal }, { certificate: reference }) => {
    const { id } = await findCertificate(client, reference);
    const released = await client.releaseCertificate(id, { idempotencyKey: randomUUID() });
    terminal.show(released, () =>
      terminal.printFields([
        ['Id', released.id],
        ['Serial number', released.serial_number],
        ['Status', released.status, released.status === 'active' ? 'good' : 'dim'],
        ['Released', toMoment(released.released_at)],
      ]),
    );
    return EXIT.ok;
  },
});
