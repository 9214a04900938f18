/** A file chosen for upload, under the name it has in the folder it was taken from. */
export interface ChosenFile {
  path: string;
  file: File;
}

/** Files of an `<input type=file>`, folders (`webkitdirectory`) included. */
export function filesOfInput(list: Iterable<File>): ChosenFile[] {
  return [...list].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

/** Files of a drop, folders walked through. Has to be called within the drop's event. */
export async function filesOfDrop(transfer: DataTransfer): Promise<ChosenFile[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const found = await Promise.all(entries.map((entry) => filesOfEntry(entry)));
  return found.flat();
}

async function filesOfEntry(entry: FileSystemEntry): Promise<ChosenFile[]> {
  if (entry.isFile) return [await fileOf(entry as FileSystemFileEntry)];
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: ChosenFile[] = [];
  // A reader hands out at most a hundred entries at a time.
  for (let batch = await readBatch(reader); batch.length > 0; batch = await readBatch(reader)) {
    for (const child of batch) found.push(...(await filesOfEntry(child)));
  }
  return found;
}

function fileOf(entry: FileSystemFileEntry): Promise<ChosenFile> {
  const path = entry.fullPath.replace(/^\//, '');
  return new Promise((resolve, reject) => entry.file((file) => resolve({ path, file }), reject));
}

function readBatch(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
  return new Promise((resolve, reject) => reader.readEntries(resolve, reject));
}
