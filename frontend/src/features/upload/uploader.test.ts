import { expect, test } from 'vitest';
import { ApiError, NetworkError } from '../../api/client';
import type { IngestResult, Job, JobState } from '../../api/types';
import { FakeServer } from '../../testing/fakes';
import { Uploader } from './uploader';

const RESULT: IngestResult = {
  studies: { new: 1, already_there: 0 },
  series: { new: 1, already_there: 0 },
  images: { new: 1, already_there: 0 },
  instances: { new: 2, already_there: 0 },
  refused: 1,
};
const REFUSAL = { name: 'notes.txt', reason: 'not_dicom', detail: 'Not an image.' };

const aJob = (state: JobState, change: Partial<Job> = {}): Job => ({
  id: '7',
  kind: 'ingest',
  state,
  phase: 'Reading files',
  done: 0,
  total: 2,
  seconds_left: null,
  message: '',
  result: null,
  ...change,
});

const files = (...names: string[]) => names.map((name) => ({ path: `study/${name}`, file: new File(['x'], name) }));
const namesIn = (body: unknown): string[] => (body as FormData).getAll('paths').map(String);

function aScene(states: Job[] = [aJob('running', { done: 1 }), aJob('succeeded', { result: RESULT })]) {
  const server = new FakeServer();
  const waits: number[] = [];
  server.on('projects/demo/ingests/', () => aJob('staged')).on('ingests/7/files/', () => ({ staged: 1 }));
  server.on('ingests/7/start/', () => aJob('queued')).on('jobs/7/', () => (states.length > 1 ? states.shift() : states[0]));
  server.on('ingests/7/refusals/', () => [REFUSAL]).on('jobs/7/cancel/', () => aJob('cancelled'));
  const uploader = new Uploader({
    client: server,
    ingestsUrl: '/api/v1/projects/demo/ingests/',
    wait: (milliseconds) => Promise.resolve(void waits.push(milliseconds)),
  });
  return { server, uploader, waits };
}

test('sends, starts, follows, and ends with the table and the refusals', async () => {
  const { server, uploader } = aScene();
  await uploader.send(files('1.dcm', '2.dcm'));
  expect(uploader.state.value).toMatchObject({ phase: 'finished', filesSent: 2, refusals: [REFUSAL], job: { result: RESULT } });
  expect(server.seen.map((seen) => seen.url.replace('/api/v1/', ''))).toEqual([
    'projects/demo/ingests/',
    'ingests/7/files/',
    'ingests/7/start/',
    'jobs/7/',
    'jobs/7/',
    'ingests/7/refusals/',
  ]);
});

test('files and their paths go side by side in one order', async () => {
  const { server, uploader } = aScene();
  await uploader.send(files('1.dcm', '2.dcm'));
  const form = server.seen.find((seen) => seen.url.endsWith('files/'))?.body as FormData;
  expect(form.getAll('paths')).toEqual(['study/1.dcm', 'study/2.dcm']);
  expect(form.getAll('files').map((file) => (file as File).name)).toEqual(['1.dcm', '2.dcm']);
});

test('one file that can not be sent does not stop the rest, and can be sent again', async () => {
  const { server, uploader } = aScene();
  let isBroken = true;
  server.on('ingests/7/files/', ({ body }) =>
    isBroken && namesIn(body).includes('study/bad.dcm') ? new ApiError(413, 'x', 'Too large.') : { staged: 1 },
  );
  await uploader.send(files('1.dcm', 'bad.dcm', '2.dcm'));
  expect(uploader.state.value).toMatchObject({ phase: 'finished', filesSent: 2 });
  expect(uploader.state.value.unsent).toEqual([{ path: 'study/bad.dcm', reason: 'Too large.' }]);
  isBroken = false;
  await uploader.retry();
  expect(uploader.state.value).toMatchObject({ phase: 'finished', filesSent: 1, unsent: [] });
});

test('a network that fails for a moment is waited over', async () => {
  const { server, uploader, waits } = aScene();
  let failures = 2;
  server.on('ingests/7/files/', () => (failures-- > 0 ? new NetworkError() : { staged: 1 }));
  await uploader.send(files('1.dcm'));
  expect(uploader.state.value).toMatchObject({ phase: 'finished', unsent: [] });
  expect(waits.slice(0, 2)).toEqual([1000, 2000]);
});

test('cancelling stops the sending and the job', async () => {
  const { server, uploader } = aScene();
  server.on('ingests/7/files/', async () => {
    await uploader.cancel();
    return { staged: 1 };
  });
  await uploader.send(files('1.dcm'));
  expect(uploader.state.value.phase).toBe('cancelled');
  expect([server.count('jobs/7/cancel/'), server.count('ingests/7/start/')]).toEqual([1, 0]);
});

test('a job that fails says why', async () => {
  const { uploader } = aScene([aJob('failed', { message: 'The disk is full.' })]);
  await uploader.send(files('1.dcm'));
  expect(uploader.state.value).toMatchObject({ phase: 'failed', problem: 'The disk is full.' });
});

test('refusals are fetched page by page', async () => {
  const { server, uploader } = aScene();
  server.on('ingests/7/refusals/', () => ({ results: [REFUSAL], next: 'http://inner:8000/api/v1/ingests/7/refusals/?offset=1' }));
  server.on('?offset=1', () => ({ results: [{ ...REFUSAL, name: 'b.txt' }], next: null }));
  await uploader.send(files('1.dcm'));
  expect(uploader.state.value.refusals.map((refusal) => refusal.name)).toEqual(['notes.txt', 'b.txt']);
});
