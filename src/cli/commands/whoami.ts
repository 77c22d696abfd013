import { command, EXIT } from '../command.js';
import { listed, toMoment } from '../wording.js';

export const whoami = command({
  name: 'whoami',
  summary: 'Show who you are to Certplane, and what you may do',
  examples: [
    ['With the key that is used by default', 'certplane whoami'],
    ['Try another key', 'certplane whoami --key-file deploy.key'],
  ],
  run: async ({ client, terminal }) => {
    const me = await client.whoami();
    terminal.show(me, () =>
      terminal.printFields([
        ['Actor', me.actor],
        ['Role', me.role],
        ['May', me.permissions.join(', ')],
        ['Issuers', listed(me.issuer_ids)],
        ['Profiles', listed(me.profiles)],
        ['Expires', toMoment(me.expires_at)],
        ['Seen from', me.source_address],
      ]),
    );
    return EXIT.ok;
  },
});
