import { expect, test, vi } from 'vitest';
import { ApiError, NetworkError, apiRoot, createClient, csrfCookie, isPassing } from './client';

const answer = (status: number, body: unknown): Response => new Response(JSON.stringify(body), { status });

function clientWith(response: Response | Error, cookies = '') {
  const fetch = vi.fn<typeof globalThis.fetch>(() =>
    response instanceof Error ? Promise.reject(response) : Promise.resolve(response),
  );
  const client = createClient({ csrfToken: 'page', fetch, readCookies: () => cookies });
  const headers = (): Record<string, string> => fetch.mock.calls[0]?.[1]?.headers as Record<string, string>;
  return { client, headers };
}

test('sends the token of the cookie, else that of the page or of the last sign-in', async () => {
  const withCookie = clientWith(answer(200, {}), 'a=b; mediqa_csrf=fresh');
  await withCookie.client.post('/x/', {});
  expect(withCookie.headers()['X-CSRFToken']).toBe('fresh');
  const without = clientWith(answer(200, {}));
  without.client.setCsrfToken('later');
  await without.client.post('/x/', {});
  expect(without.headers()['X-CSRFToken']).toBe('later');
});

test('says whose page it is, in letters that a header takes', async () => {
  const fetch = vi.fn<typeof globalThis.fetch>(() => Promise.resolve(answer(200, {})));
  await createClient({ csrfToken: 'page', username: 'jörg 李', fetch }).get('/x/');
  expect(fetch.mock.calls[0]?.[1]?.headers).toMatchObject({ 'X-Page-Of': 'j%C3%B6rg%20%E6%9D%8E' });
  const nobodys = clientWith(answer(200, {}));
  await nobodys.client.get('/x/');
  expect(nobodys.headers()).not.toHaveProperty('X-Page-Of');
});

test('a refusal carries the code and the sentences of the server', async () => {
  const body = { type: 'client_error', errors: [{ code: 'invalid', detail: 'Too high.', attr: 'scores.noise' }] };
  const { client } = clientWith(answer(400, body));
  const error = await client.post('/x/', {}).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status: 400, code: 'invalid', reason: 'scores.noise: Too high.' });
});

test('no answer, and an answer cut short, are the network', async () => {
  await expect(clientWith(new TypeError('failed')).client.get('/x/')).rejects.toBeInstanceOf(NetworkError);
  await expect(clientWith(new Response('{"a"', { status: 200 })).client.get('/x/')).rejects.toBeInstanceOf(NetworkError);
});

test('what may pass is told from what will not', () => {
  const of = (status: number): ApiError => new ApiError(status, '', '');
  expect([500, 502, 503, 408, 429].every((status) => isPassing(of(status)))).toBe(true);
  expect([400, 403, 404, 409].some((status) => isPassing(of(status)))).toBe(false);
  expect(isPassing(new NetworkError())).toBe(true);
});

test('reads the token among other cookies, and the root of the API', () => {
  expect(csrfCookie('xmediqa_csrf=no; mediqa_csrf=yes%3D')).toBe('yes=');
  expect(csrfCookie('')).toBeNull();
  expect(apiRoot('/api/v1/session/', 'https://host/read/')).toBe('https://host/api/v1/');
});
