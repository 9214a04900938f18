import { ApiError, isAboutSession, isPassing, type ApiClient } from '../../api/client';
import type { ReadingReceipt } from '../../api/types';
import type { OutboxEntry, SendOutcome } from './outbox';
import type { Session } from './session';

/** Sends one Reading and says what came of it. The server knows `client_key`: sending twice stores once. */
export async function sendReading(client: ApiClient, session: Session, entry: OutboxEntry): Promise<SendOutcome> {
  try {
    return await post(client, entry);
  } catch (error) {
    if (!isAboutSession(error)) return outcomeOf(error);
  }
  try {
    return (await session.isSignedIn()) ? await post(client, entry) : { kind: 'sign_in' };
  } catch (error) {
    return outcomeOf(error);
  }
}

async function post(client: ApiClient, entry: OutboxEntry): Promise<SendOutcome> {
  return { kind: 'saved', receipt: await client.post<ReadingReceipt>(entry.url, entry.submission) };
}

function outcomeOf(error: unknown): SendOutcome {
  if (isPassing(error)) return { kind: 'passing' };
  if (error instanceof ApiError) return { kind: 'refused', reason: error.reason };
  throw error;
}
