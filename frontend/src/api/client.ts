import { t } from '../lib/i18n';
import type { ApiErrorBody } from './types';

/** The server answered, and refused. `reason` is a sentence for people. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly reason: string,
  ) {
    super(reason);
    this.name = 'ApiError';
  }
}

/** No answer came: no network, a timeout, a server that is starting. */
export class NetworkError extends Error {
  override name = 'NetworkError';
}

export interface ApiClient {
  get<T>(url: string): Promise<T>;
  post<T>(url: string, body?: unknown): Promise<T>;
  put<T>(url: string, body?: unknown): Promise<T>;
  delete(url: string): Promise<void>;
  /** After a sign-in in place: the token that came with the answer. */
  setCsrfToken(token: string): void;
}

export interface ClientOptions {
  csrfToken: string;
  /** Whose page it is: the server refuses what it sends once another person has signed in at this browser. */
  username?: string;
  fetch?: typeof fetch;
  readCookies?: () => string;
  timeoutMilliseconds?: number;
}

/** JSON over same-origin fetch, with Django's CSRF token from the cookie, else from the page. */
export function createClient(options: ClientOptions): ApiClient {
  const send = options.fetch ?? fetch.bind(globalThis);
  const readCookies = options.readCookies ?? (() => document.cookie);
  const timeout = options.timeoutMilliseconds ?? 30_000;
  const pageOf: Record<string, string> = options.username === undefined ? {} : { 'X-Page-Of': encodeURIComponent(options.username) };
  let csrfToken = options.csrfToken;

  async function request<T>(method: string, url: string, body?: unknown): Promise<T> {
    const isForm = body instanceof FormData;
    const headers: Record<string, string> = { Accept: 'application/json', ...pageOf };
    if (method !== 'GET') headers['X-CSRFToken'] = csrfCookie(readCookies()) ?? csrfToken;
    if (body !== undefined && !isForm) headers['Content-Type'] = 'application/json';
    const init: RequestInit = { method, headers, credentials: 'same-origin', redirect: 'error' };
    if (body !== undefined) init.body = isForm ? body : JSON.stringify(body);
    // A form carries files: how long that takes is the network's affair.
    if (!isForm) init.signal = AbortSignal.timeout(timeout);
    return readAnswer<T>(await attempt(() => send(url, init)));
  }

  return {
    get: (url) => request('GET', url),
    post: (url, body) => request('POST', url, body),
    put: (url, body) => request('PUT', url, body),
    delete: (url) => request('DELETE', url),
    setCsrfToken: (token) => {
      csrfToken = token;
    },
  };
}

/** Django's CSRF_COOKIE_NAME here. */
const CSRF_COOKIE = 'mediqa_csrf';

export function csrfCookie(cookies: string): string | null {
  const found = cookies.split(/;\s*/).find((cookie) => cookie.startsWith(`${CSRF_COOKIE}=`));
  return found ? decodeURIComponent(found.slice(CSRF_COOKIE.length + 1)) : null;
}

/** The root of the API, ending in a slash, worked out from the session's address. */
export function apiRoot(sessionUrl: string, base: string = document.baseURI): string {
  return new URL('..', new URL(sessionUrl, base)).href;
}

async function attempt(send: () => Promise<Response>): Promise<Response> {
  try {
    return await send();
  } catch (error) {
    throw new NetworkError(t('The server could not be reached.'), { cause: error });
  }
}

async function readAnswer<T>(response: Response): Promise<T> {
  if (response.status === 204) return undefined as T;
  const body: unknown = await response.json().catch(() => null);
  if (response.ok && body !== null) return body as T;
  if (response.ok) throw new NetworkError(t('The answer was cut short.'));
  throw refusal(response.status, body);
}

function refusal(status: number, body: unknown): ApiError {
  const errors = (body as Partial<ApiErrorBody> | null)?.errors ?? [];
  const reason = errors.map((error) => (error.attr ? `${error.attr}: ${error.detail}` : error.detail)).join(' ');
  return new ApiError(status, errors[0]?.code ?? 'unknown', reason || t('The server answered {status}.', { status }));
}

/** Whether trying the same again later may succeed. */
export function isPassing(error: unknown): boolean {
  if (error instanceof NetworkError) return true;
  return error instanceof ApiError && (error.status >= 500 || error.status === 408 || error.status === 429);
}

/** Whether the cause may be a session that has ended (or a token of an earlier one). */
export function isAboutSession(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 401 || error.status === 403);
}
