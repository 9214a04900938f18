import { signal } from '@preact/signals';
import { t } from '../../lib/i18n';

const NAME = 'mediqa-image';
/** The library follows a drag by what the first page's document hears. */
const HEARD = ['mousemove', 'mouseup'] as const;

/**
 * The image in a window of its own, for a second monitor. The very elements move there and come back: what was drawn,
 * measured and marked stays as it is, and one page goes on doing everything.
 */
export class SecondWindow {
  /** The open one. */
  readonly current = signal<Window | null>(null);

  constructor(private readonly onMoved: () => void) {
    addEventListener('pagehide', () => this.current.peek()?.close());
  }

  /** Opens it with the stage in it, or closes it; returns why it could not be opened, else null. */
  toggle(stage: HTMLElement, title: string): string | null {
    const open = this.current.peek();
    if (open) {
      open.close();
      return null;
    }
    const child = window.open('', NAME, 'popup,width=1200,height=900');
    if (!child) return t('The browser did not let a second window open. Allow pop-ups for this site and try again; nothing has changed.');
    this.furnish(child, stage, title);
    return null;
  }

  private furnish(child: Window, stage: HTMLElement, title: string): void {
    const home = stage.parentElement;
    const room = child.document.createElement('div');
    room.className = 'room second-window';
    room.role = 'main';
    dress(child.document, title);
    child.document.body.replaceChildren(room);
    room.append(stage);
    for (const kind of HEARD) child.document.addEventListener(kind, (event) => document.dispatchEvent(new MouseEvent(kind, event)));
    // Closed, reloaded or gone elsewhere: the image is back before the window's page is.
    child.addEventListener('pagehide', () => {
      home?.append(stage);
      this.current.value = null;
      this.onMoved();
    });
    this.current.value = child;
    this.onMoved();
    child.focus();
  }
}

/**
 * Puts what is typed in the other window into the note that is being written here, where the keys would mean actions;
 * returns false where none is. The browser lets no page bring its first window to the front.
 */
export function writeHere(event: KeyboardEvent): boolean {
  const field = document.activeElement;
  if (!(field instanceof HTMLTextAreaElement) || event.key === 'Escape' || event.key === 'Tab') return false;
  const isCommand = (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState('AltGraph');
  const text = event.key === 'Enter' ? '\n' : event.key;
  const [start, end] = [field.selectionStart, field.selectionEnd];
  if (isCommand) return true;
  if (event.key === 'Backspace') field.setRangeText('', start === end ? Math.max(0, start - 1) : start, end, 'end');
  else if (!/^.$/su.test(text) || (field.maxLength >= 0 && field.textLength - (end - start) >= field.maxLength)) return true;
  else field.setRangeText(text, start, end, 'end');
  field.dispatchEvent(new InputEvent('input', { bubbles: true }));
  event.preventDefault();
  return true;
}

function dress(page: Document, title: string): void {
  const { lang, dir } = document.documentElement;
  Object.assign(page.documentElement, { lang, dir, className: 'reading-room' });
  page.body.className = 'reading-room';
  const sheets = document.querySelectorAll<HTMLLinkElement>('link[rel="stylesheet"]');
  page.head.replaceChildren(...[...sheets].map((sheet) => sheetLike(page, sheet)));
  page.title = title;
}

function sheetLike(page: Document, { href }: HTMLLinkElement): HTMLLinkElement {
  return Object.assign(page.createElement('link'), { rel: 'stylesheet', href });
}
