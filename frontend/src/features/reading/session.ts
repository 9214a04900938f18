import { signal } from '@preact/signals';
import { ApiError, isAboutSession, type ApiClient } from '../../api/client';
import type { SessionState } from '../../api/types';

/** Knows whether this page's person is signed in, and brings them back in place. */
export class Session {
  readonly needsSignIn = signal(false);
  private waiting: (() => void)[] = [];

  constructor(
    private readonly client: ApiClient,
    private readonly url: string,
    readonly username: string,
  ) {}

  /** Does the work; where the session has ended, waits for the person to sign in, then does it again. */
  async during<Result>(work: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!isAboutSession(error)) throw error;
        if (await this.isSignedIn()) return await work();
        await this.untilSignedIn();
      }
    }
  }

  /**
   * What a 401 or 403 meant: true where the same request may be sent once more (a stale token was replaced),
   * false where the person has to sign in first.
   */
  async isSignedIn(): Promise<boolean> {
    const session = await this.client.get<SessionState>(this.url);
    this.client.setCsrfToken(session.csrf_token);
    const isSame = session.is_authenticated && session.username === this.username;
    if (!isSame) this.needsSignIn.value = true;
    return isSame;
  }

  /** Returns the reason where the server says no, else null. Throws NetworkError where it could not be asked. */
  async signIn(password: string): Promise<string | null> {
    try {
      // The token of an ended session may be stale itself.
      const before = await this.client.get<SessionState>(this.url);
      this.client.setCsrfToken(before.csrf_token);
      const after = await this.client.post<SessionState>(this.url, { username: this.username, password });
      this.client.setCsrfToken(after.csrf_token);
    } catch (error) {
      if (error instanceof ApiError && error.status < 500) return error.reason;
      throw error;
    }
    this.needsSignIn.value = false;
    for (const resume of this.waiting.splice(0)) resume();
    return null;
  }

  private untilSignedIn(): Promise<void> {
    return new Promise((resume) => this.waiting.push(resume));
  }
}
