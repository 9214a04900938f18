/** Strokes on a 24 by 24 grid, drawn for this project. */
export const ICONS: Record<string, string> = {
  window: 'M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 3v18M12 8h8M12 12h9M12 16h8',
  zoom: 'M10 4a6 6 0 1 0 0 12a6 6 0 1 0 0-12M14.5 14.5L20 20M10 7.5v5M7.5 10h5',
  pan: 'M12 3v18M3 12h18M9.5 5.5L12 3l2.5 2.5M9.5 18.5L12 21l2.5-2.5M5.5 9.5L3 12l2.5 2.5M18.5 9.5L21 12l-2.5 2.5',
  scroll: 'M5 7h14M5 12h14M5 17h14M9 4l3-2l3 2M9 20l3 2l3-2',
  measure: 'M4 16L16 4l4 4L8 20zM8 12l2 2M11 9l2 2M14 6l2 2',
  invert: 'M4 4h16v16H4zM4 20L20 4M13 16h4M7 8h4M9 6v4',
  rotate: 'M19 12a7 7 0 1 1-2.2-5.1M19 3.5v4.5h-4.5',
  'flip-horizontal': 'M12 3v18M9 7L4 17h5zM15 7l5 10h-5z',
  'flip-vertical': 'M3 12h18M7 9L17 4v5zM7 15l10 5v-5z',
  reset: 'M5 12a7 7 0 1 1 2.2 5.1M5 18.5v-4.5h4.5',
  fold: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5',
  compare: 'M4 5h7v14H4zM13 5h7v14h-7M6.5 14l1.5-3l1.5 3',
  cine: 'M8 5l11 7l-11 7z',
  mark: 'M12 3v5M12 16v5M3 12h5M16 12h5M12 11.5v1',
  bookmark: 'M7 4h10v16l-5-4l-5 4z',
  note: 'M5 4h14v12l-4 4H5zM8 9h8M8 13h5M15 20v-4h4',
};
