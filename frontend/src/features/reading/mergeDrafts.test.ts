import { expect, test } from 'vitest';
import { mergeDrafts, NO_ANSWERS, type Answers } from './mergeDrafts';

function answers(change: Partial<Answers>): Answers {
  return { ...NO_ANSWERS, ...change };
}

const BASE = answers({ scores: { noise: 1, blur: 1 }, comment: 'base' });

test('what only one side changed is that side\'s, whichever is newer', () => {
  const here = { revision: 2, answers: answers({ scores: { noise: 5, blur: 1 }, comment: 'base' }) };
  const there = { revision: 9, answers: answers({ scores: { noise: 1, blur: 4 }, comment: 'theirs' }) };
  expect(mergeDrafts(BASE, here, there)).toEqual(answers({ scores: { noise: 5, blur: 4 }, comment: 'theirs' }));
});

test.each([
  [3, 2, 5],
  [2, 3, 4],
  [3, 3, 4],
])('what both changed is that of the larger revision (%i here, %i there)', (here, there, noise) => {
  const merged = mergeDrafts(
    BASE,
    { revision: here, answers: answers({ scores: { noise: 5, blur: 1 }, comment: 'base' }) },
    { revision: there, answers: answers({ scores: { noise: 4, blur: 1 }, comment: 'base' }) },
  );
  expect(merged.scores.noise).toBe(noise);
});

test('a score here and a reason for none there are one answer, never both', () => {
  const merged = mergeDrafts(
    NO_ANSWERS,
    { revision: 1, answers: answers({ scores: { noise: 5 } }) },
    { revision: 2, answers: answers({ abstentions: { noise: 'display' } }) },
  );
  expect(merged).toEqual(answers({ abstentions: { noise: 'display' } }));
});

test('an answer taken back here is not brought back by a server that has not heard of it', () => {
  const merged = mergeDrafts(
    BASE,
    { revision: 2, answers: answers({ scores: { blur: 1 }, comment: 'base' }) },
    { revision: 1, answers: { comment: 'base', scores: { blur: 1, noise: 1 }, abstentions: {}, confidence: '', findings: [] } },
  );
  expect(merged.scores).toEqual({ blur: 1 });
});
