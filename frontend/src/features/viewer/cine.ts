/** Calls back at an even pace until it is stopped. */
export class Cine {
  private timer: number | null = null;

  constructor(
    private readonly step: () => void,
    private readonly onChange: (isRunning: boolean) => void,
  ) {}

  toggle(stepSeconds: number): void {
    if (this.timer !== null) return this.stop();
    this.timer = window.setInterval(this.step, stepSeconds * 1000);
    this.onChange(true);
  }

  stop(): void {
    if (this.timer !== null) window.clearInterval(this.timer);
    this.timer = null;
    this.onChange(false);
  }
}
