import { signal } from '@preact/signals';
import { ApiError, type ApiClient } from '../../api/client';
import type { Preferences } from '../../api/types';
import { t } from '../../lib/i18n';
import type { Session } from './session';

/** How the reader works, stored with the user. The server says what may not be, and why. */
export class PreferenceStore {
  readonly current;

  constructor(
    private readonly client: ApiClient,
    private readonly session: Session,
    private readonly url: string,
    initial: Preferences,
  ) {
    this.current = signal<Preferences>(initial);
  }

  /** Stores these sections, which hold from now on unless they are refused; returns why they were, else null. */
  async save(wanted: Partial<Preferences>): Promise<string | null> {
    const before = this.current.peek();
    const meant = { ...before, ...wanted };
    this.current.value = meant;
    try {
      this.current.value = await this.session.during(() => this.client.put<Preferences>(this.url, wanted));
      return null;
    } catch (error) {
      if (this.current.peek() === meant) this.current.value = before;
      return error instanceof ApiError ? error.reason : t('The server could not be reached. Nothing was stored.');
    }
  }
}
