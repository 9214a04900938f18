import { expect, test } from 'vitest';
import { ApiError, NetworkError } from '../../api/client';
import { FakeServer, RECEIPT, anEntry } from '../../testing/fakes';
import { sendReading } from './sendReading';
import { Session } from './session';

const SESSION = '/api/v1/session/';
const ENDED = new ApiError(401, 'not_authenticated', 'Sign in.');
const signedIn = { is_authenticated: true, username: 'reader1', csrf_token: 'fresh' };
const signedOut = { is_authenticated: false, username: '', csrf_token: 'anonymous' };

function scene() {
  const server = new FakeServer();
  return { server, session: new Session(server, SESSION, 'reader1') };
}

test('work goes on by itself once the person has signed in', async () => {
  const { server, session } = scene();
  let isIn = false;
  server.on('session/', ({ verb }) => {
    if (verb === 'POST') isIn = true;
    return isIn ? signedIn : signedOut;
  });
  server.on('worklist/', () => (isIn ? { cases: [] } : ENDED));
  const work = session.during(() => server.post('/worklist/'));
  await expect.poll(() => session.needsSignIn.value).toBe(true);
  expect(await session.signIn('secret')).toBeNull();
  expect(await work).toEqual({ cases: [] });
  expect(session.needsSignIn.value).toBe(false);
  expect(server.csrfToken).toBe('fresh');
});

test('a wrong password is said, and the dialog stays', async () => {
  const { server, session } = scene();
  server.on('session/', ({ verb }) => (verb === 'POST' ? new ApiError(401, 'x', 'Wrong password.') : signedOut));
  await session.isSignedIn();
  expect(await session.signIn('guess')).toBe('Wrong password.');
  expect(session.needsSignIn.value).toBe(true);
});

test('another person in the same browser is not this one', async () => {
  const { server, session } = scene();
  server.on('session/', () => ({ ...signedIn, username: 'reader2' }));
  expect(await session.isSignedIn()).toBe(false);
  expect(session.needsSignIn.value).toBe(true);
});

test('a stale token costs one more request and no dialog', async () => {
  const { server, session } = scene();
  server.on('session/', () => signedIn);
  server.on('readings/', () => (server.csrfToken === 'fresh' ? RECEIPT : new ApiError(403, 'permission_denied', 'CSRF')));
  expect(await sendReading(server, session, anEntry('a'))).toEqual({ kind: 'saved', receipt: RECEIPT });
  expect(session.needsSignIn.value).toBe(false);
});

test.each([
  ['an ended session', ENDED, signedOut, { kind: 'sign_in' }],
  ['a right that is missing', new ApiError(403, 'permission_denied', 'Not yours.'), signedIn, { kind: 'refused', reason: 'Not yours.' }],
  ['a conflict', new ApiError(409, 'conflict', 'Already read.'), signedIn, { kind: 'refused', reason: 'Already read.' }],
  ['no network', new NetworkError(), signedIn, { kind: 'passing' }],
  ['a server that restarts', new ApiError(502, '', ''), signedIn, { kind: 'passing' }],
] as const)('%s is told from the others', async (_, answer, state, outcome) => {
  const { server, session } = scene();
  server.on('readings/', () => answer).on('session/', () => state);
  expect(await sendReading(server, session, anEntry('a'))).toEqual(outcome);
});
