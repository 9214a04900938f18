import { signal } from '@preact/signals';
import type { ApiClient } from '../../api/client';
import type { Bookmark } from '../../api/types';
import { t } from '../../lib/i18n';
import type { Session } from './session';

/** The reader's own bookmarks in this project, as the server has them. */
export class Bookmarks {
  readonly list = signal<readonly Bookmark[]>([]);
  readonly problem = signal('');

  constructor(
    private readonly client: ApiClient,
    private readonly session: Session,
    private readonly url: string,
  ) {}

  has(assignment: string | undefined): boolean {
    return this.list.value.some((bookmark) => bookmark.assignment === assignment);
  }

  async load(): Promise<void> {
    await this.attempt(() => Promise.resolve());
  }

  async toggle(assignment: string | undefined): Promise<void> {
    if (assignment === undefined) return;
    const url = `${this.url}${assignment}/`;
    const isSet = this.has(assignment);
    await this.attempt(() => (isSet ? this.client.delete(url) : this.client.put(url)));
  }

  /** Does it, then shows what the server has: never what was only hoped for. */
  private async attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      this.list.value = await this.session.during(async () => {
        await work();
        return await this.client.get<Bookmark[]>(this.url);
      });
      this.problem.value = '';
    } catch {
      this.problem.value = t('The bookmark could not be stored. Try again when the network is back.');
    }
  }
}
