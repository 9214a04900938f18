/** Stands in for xmlbuilder2, which vtk.js imports for XML files that this platform never reads. */
function refuse(): never {
  throw new Error('XML files are not read here.');
}

export const create = refuse;
export const convert = refuse;
export const fragment = refuse;
