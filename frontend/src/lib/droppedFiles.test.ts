import { expect, test } from 'vitest';
import { filesOfDrop, filesOfInput } from './droppedFiles';

const fileEntry = (fullPath: string) => ({
  isFile: true,
  fullPath,
  file: (give: (file: File) => void) => give(new File(['x'], fullPath.split('/').at(-1) ?? '')),
});

/** A folder that hands out its entries in batches, as Chromium does after a hundred. */
const folderEntry = (...batches: unknown[][]) => ({
  isFile: false,
  createReader: () => {
    const left = [...batches, []];
    return { readEntries: (give: (entries: unknown[]) => void) => give(left.shift() ?? []) };
  },
});

test('walks dropped folders through every batch and keeps the paths', async () => {
  const inner = folderEntry([fileEntry('/study/a/1.dcm')]);
  const folder = folderEntry([fileEntry('/study/2.dcm')], [inner, fileEntry('/study/3.dcm')]);
  const items = [folder, fileEntry('/4.zip'), null].map((entry) => ({ webkitGetAsEntry: () => entry }));
  const found = await filesOfDrop({ items } as unknown as DataTransfer);
  expect(found.map(({ path }) => path)).toEqual(['study/2.dcm', 'study/a/1.dcm', 'study/3.dcm', '4.zip']);
});

test('an input names files by their folder where there is one', () => {
  const inFolder = Object.assign(new File(['x'], '1.dcm'), { webkitRelativePath: 'study/1.dcm' });
  expect(filesOfInput([inFolder, new File(['x'], '2.dcm')]).map(({ path }) => path)).toEqual(['study/1.dcm', '2.dcm']);
});
