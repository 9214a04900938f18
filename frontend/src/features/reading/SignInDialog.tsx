import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { t } from '../../lib/i18n';
import type { Desk } from './desk';
import { focusCriterion } from './focus';

/**
 * Signs the same person in again, in place: the case and its scores stay as they are. It stays open until then:
 * Chromium lets a second Esc close what the first one was kept from closing.
 */
export function SignInDialog({ desk }: { desk: Desk }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const password = useRef<HTMLInputElement>(null);
  const reason = useSignal('');
  const isOpen = desk.session.needsSignIn.value;
  useLayoutEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else if (dialog.current?.open) {
      dialog.current.close();
      focusCriterion(desk.room.criterionIndex.value);
    }
  }, [isOpen, desk]);

  const signIn = async (): Promise<void> => {
    const typed = password.current?.value ?? '';
    reason.value = '';
    try {
      reason.value = (await desk.session.signIn(typed)) ?? '';
    } catch {
      reason.value = t('The server could not be reached. Your scores are kept on this device; try again.');
    }
    if (password.current) password.current.value = '';
    if (reason.value) password.current?.focus();
    else await desk.viewer.value?.retryIfFailed();
  };

  return (
    <dialog
      ref={dialog}
      class="sheet sheet-small"
      data-dialog="sign-in"
      aria-labelledby="sign-in-title"
      onCancel={(event) => event.preventDefault()}
      onClose={(event) => isOpen && event.currentTarget.showModal()}
    >
      <h2 id="sign-in-title">{t('Sign in to go on')}</h2>
      <p>{t('Your session has ended. Nothing is lost: what you scored is kept on this device and is sent once you are back.')}</p>
      <form
        class="signin"
        onSubmit={(event) => {
          event.preventDefault();
          void signIn();
        }}
      >
        <label>
          {t('User')}
          <input type="text" name="username" autocomplete="username" readOnly value={desk.config.username} />
        </label>
        <label>
          {t('Password')}
          <input ref={password} type="password" name="password" autocomplete="current-password" required autofocus />
        </label>
        <p class="notice" role="alert">
          {reason.value}
        </p>
        <button class="button" type="submit">
          {t('Sign in')}
        </button>
      </form>
    </dialog>
  );
}
