/** The shapes of `/api/v1/`, as the server states them. */

export interface DicomElement {
  vr: string;
  Value?: unknown[];
  InlineBinary?: string;
  BulkDataURI?: string;
}

/** One Instance's metadata in the DICOM JSON model (PS3.18 F.2): tags as eight hexadecimal digits. */
export type DicomJson = Record<string, DicomElement>;

export interface WindowPreset {
  name: string;
  /** In modality units (HU for CT). */
  center: number;
  width: number;
  function: 'LINEAR' | 'LINEAR_EXACT' | 'SIGMOID' | 'TABLE';
  /** Of a TABLE: rising values with their outputs from 0 to 1. */
  points: [number, number][];
}

export interface CaseFrame {
  /** WADO-RS frame address; the answer is one HTJ2K codestream. */
  url: string;
  sop_instance_uid: string;
  /** Counts from 1. */
  frame_number: number;
}

export interface CaseImage {
  id: string | number;
  dimension: '2D' | '3D';
  modality: string;
  title: string;
  /** In stack order. */
  frames: CaseFrame[];
  frame_seconds: number | null;
  /** The first is the one to open with; empty for colour images. */
  windows: WindowPreset[];
  is_inverted: boolean;
  spacing_mm: number[] | null;
  /** By SOP Instance UID; of those that have any. */
  overlays?: Record<string, Overlays>;
}

/** What a file draws over its frames (PS3.3 C.9.2). */
export interface Overlays {
  pictures: OverlayPicture[];
  /** For each frame of the Instance, the places in `pictures` of what lies over it. */
  frames: number[][];
}

/** In pixels of the image, to which it is cut. */
export interface OverlayPicture {
  /** Graphics, or a region of interest. */
  kind: 'G' | 'R';
  left: number;
  top: number;
  width: number;
  height: number;
  /** Base64 of the zlib stream of its bits: row after row without a gap, the first in the lowest bit of a byte. */
  bits: string;
}

export interface Anchor {
  value: number;
  text: string;
}

export interface Criterion {
  key: string;
  question: string;
  minimum: number;
  maximum: number;
  step: number;
  anchors: Anchor[];
  /** Of the levels that have one. */
  anchor_images?: AnchorImage[];
}

/** An image of the project that shows what a level looks like. */
export interface AnchorImage {
  value: number;
  image: string | number;
  /** Answers with a `Picture`. */
  url: string;
  thumbnail_url: string | null;
}

/** An image to look at, with nothing that was said of it. */
export interface Picture {
  image: CaseImage;
  instances: Record<string, DicomJson>;
}

/** How a case is first shown. */
export interface Hanging {
  layout: 'one' | 'planes' | 'anchor' | 'prior';
  /** The name of one of the image's windows; empty for its own first. */
  window: string;
  fit: 'whole' | 'pixels';
  first_slice: 'middle' | 'first';
  /** Clockwise, in degrees; the flips come first. */
  rotation: number;
  is_flipped_horizontally: boolean;
  is_flipped_vertically: boolean;
}

export interface Prior {
  image: string | number;
  /** Answers with a `Picture`. */
  url: string;
  /** Of its study. */
  date: string;
}

/** What a case was compared with, as it is stored with its Reading. */
export interface ComparedImage {
  kind: 'anchor' | 'prior';
  image: string | number;
  criterion?: string;
  value?: number;
  /** Whether it lay beside the case at submission. */
  is_shown: boolean;
  /** How it stood there, and whether it moved along; absent where it had gone, and in older Readings. */
  display?: PictureState & { is_linked: boolean };
}

export interface Rubric {
  id: string | number;
  version: number | string;
  /** What a finding can be. */
  finding_types: string[];
  criteria: Criterion[];
}

export interface Case {
  assignment: string;
  image: CaseImage;
  instances: Record<string, DicomJson>;
  rubric: Rubric;
  lease_expires_at: string;
  /** The patient's earlier image, where there is one to compare with. */
  prior?: Prior | null;
  /** As the project's manager set it, and the name that one's own is kept under. */
  hanging?: Hanging & { name: string };
}

export interface Worklist {
  cases: Case[];
  open_count: number;
  done_count: number;
}

export interface Finding {
  criterion: string | null;
  type: string;
  slice_index: number;
  /** Column and row of the point, or of a box's upper left corner, in image pixels; 0, 0 is the middle of the first. */
  x: number;
  y: number;
  /** Of a box, in image pixels; null for a point. */
  width: number | null;
  height: number | null;
  note: string;
}

/** How an image stood on the screen. */
export interface PictureState {
  slice_index: number;
  /** Absent for colour images, which have no window. */
  window_center?: number;
  window_width?: number;
  window_function?: WindowPreset['function'];
  /** Which of the case's windows it has its table from; absent where it is none. */
  window_table?: number;
  /** Screen pixels (CSS) for one image pixel. */
  zoom: number;
  /** Shift of the image's middle from the viewport's, in CSS pixels. */
  pan: [number, number];
  is_inverted: boolean;
  /** Clockwise, in degrees; the flips come first. */
  rotation: number;
  is_flipped_horizontally: boolean;
  is_flipped_vertically: boolean;
  viewport: [number, number];
  /** Whether the overlays that came with the image were on the screen; absent where there are none. */
  has_graphics?: boolean;
}

/** How the case stood at submission, and on what screen. */
export interface DisplayState extends PictureState {
  /** The whole screen, in CSS pixels. */
  screen: [number, number];
  device_pixel_ratio: number;
  /** What the reader was told of the display: see lib/displayNotices. */
  notices: string[];
  /** The last test of this screen; absent where there was none. */
  display_check?: string;
  software_version: string;
  /** Absent where the case was compared with nothing. */
  compared?: ComparedImage[];
  /** Where the three planes crossed, and whether they were open at submission; absent where they never were. */
  planes?: {
    column: number;
    row: number;
    is_shown: boolean;
    /** They lay below the slice, in a narrow window. */
    is_below?: true;
    /** Of those that were enlarged or moved: how, in CSS pixels from the middle of the pane. */
    views?: Partial<Record<'row' | 'column', { zoom: number; pan: readonly [number, number] }>>;
  };
  /** The image was in a window of its own; `screen` and pixels are of that one. */
  is_second_window?: true;
}

/** Empty where nothing was said. */
export type Confidence = '' | 'low' | 'medium' | 'high';

export interface Submission {
  client_key: string;
  rubric_id: string | number;
  scores: Record<string, number>;
  /** Why a criterion cannot be judged, in the place of its score. */
  abstentions: Record<string, string>;
  findings: Finding[];
  comment: string;
  confidence: Confidence;
  display_state: DisplayState;
  active_seconds: number;
  wall_seconds: number;
  /** The key of one's earlier submission that this one supersedes. */
  corrects: string | null;
}

/** What the model and the other readers said of a case that one has submitted. */
export interface Feedback {
  /** Of the production model; null where it has not scored the image. */
  model_version: number | null;
  criteria: CriterionFeedback[];
  slices: SliceFeedback[];
  /** Predicted physical parameters in words, the most severe (0..1) first; of the absent ones there is hardly any. */
  faults: { seen: { words: string; severity: number }[]; absent: string[] };
}

export interface CriterionFeedback {
  key: string;
  own: number | null;
  others: { value: number; count: number }[];
  predicted: { quality: number; lower: number; upper: number } | null;
}

export interface SliceFeedback {
  slice_index: number;
  /** Share of the score. */
  weight: number;
  /** In pixels of the slice. */
  patches: { left: number; top: number; width: number; height: number; opacity: number }[];
}

/** One's last submission, given back for a correction. */
export interface Reopened {
  case: Case;
  client_key: string;
  scores: Record<string, number>;
  abstentions: Record<string, string>;
  findings: Finding[];
  comment: string;
  confidence: Confidence;
}

export interface Bookmark {
  assignment: string;
  title: string;
  thumbnail_url: string | null;
  is_read: boolean;
  created_at: string;
}

export type MouseButton = 'left' | 'middle' | 'right' | 'wheel';
export type MouseTool = 'window' | 'zoom' | 'pan' | 'scroll';

/** How one works in the reading room, as it is stored with the user. */
export interface Preferences {
  /** Keys by action, where they differ from the list's. */
  keys: Record<string, string[]>;
  mouse: Record<MouseButton, MouseTool>;
  /** By the name that a case gives. */
  hangings: Record<string, Hanging>;
}

/** Answers that are not submitted, as one reader's devices share them. */
export interface DraftContent {
  scores: Record<string, number>;
  abstentions: Record<string, string>;
  findings: Finding[];
  comment: string;
  confidence: Confidence;
  corrects: string | null;
}

export interface ServerDraft {
  client_key: string;
  /** Counts the edits on all devices; the largest stands. */
  revision: number;
  content: DraftContent;
  times: DraftTimes;
}

/** How long a case was before its reader: on each device, and since it was first opened. */
export interface DraftTimes {
  active_ms: Record<string, number>;
  wall_ms: number;
}

export interface DraftState {
  draft: ServerDraft | null;
  /** The key of one's newest Reading of the case; null while it is to be read. */
  submitted: string | null;
}

export interface ReadingReceipt {
  id: string | number;
  submitted_at: string;
  open_count: number;
  done_count: number;
}

export interface SessionState {
  is_authenticated: boolean;
  username: string | null;
  csrf_token: string;
}

export type JobState = 'staged' | 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';

export interface Job<Result = unknown> {
  id: string;
  kind: string;
  state: JobState;
  phase: string;
  done: number;
  total: number;
  /** Of the present phase, while it runs. */
  seconds_left: number | null;
  message: string;
  result: Result | null;
}

/** Rows that the project had not, and had, before. */
export interface TakenCount {
  new: number;
  already_there: number;
}

export interface IngestResult {
  studies: TakenCount;
  series: TakenCount;
  images: TakenCount;
  instances: TakenCount;
  refused: number;
}

export interface IngestRefusal {
  name: string;
  reason: string;
  detail: string;
}

export interface FineTuneProgress {
  job: Job;
  /** Phase, step, loss. */
  loss_history: [string, number, number | null][];
}

export interface ApiErrorBody {
  type: string;
  errors: { code: string; detail: string; attr: string | null }[];
}
