import { removeTestServer } from './global-setup.mjs';

export default async function tearDown() {
  await removeTestServer();
}
