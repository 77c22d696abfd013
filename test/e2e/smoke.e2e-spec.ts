import { startTestApp, type TestApp } from '../support/test-app.js';

let app: TestApp;
beforeAll(async () => (app = await startTestApp()));
afterAll(() => app.stop());

it('is ready', async () => {
  const answer = await app.api.get('/ready');
  expect(answer.json()).toEqual({ ready: true, checks: { database: 'ok', migrations: 'ok', issuer_keys: 'ok' } });
});

it('has entities that match the migrations', async () => {
  const log = await app.dataSource.driver.createSchemaBuilder().log();
  expect(log.upQueries.map((q) => q.query)).toEqual([]);
});
