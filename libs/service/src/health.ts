/** What a process says about itself to whoever asks. */
export interface HealthReport {
  readonly ready: boolean;
  /** Each named part that readiness stands on: `up`, or why it is not. */
  readonly parts: Readonly<Record<string, string>>;
}

/** Whether a process lives, and whether it can do its work. */
export interface Health {
  /** A part that readiness stands on; it is down until it says otherwise. */
  part(name: string): HealthPart;
  /** From now on not ready, whatever the parts say: the process is stopping. */
  stopping(): void;
  report(): HealthReport;
}

/** A named part of a process's readiness. */
export interface HealthPart {
  up(): void;
  down(reason: string): void;
}

/** A process is ready while every part is up and nobody has told it to stop. */
export function createHealth(): Health {
  const parts = new Map<string, string>();
  let isStopping = false;
  return {
    part: (name) => {
      parts.set(name, 'starting');
      return { up: () => void parts.set(name, 'up'), down: (reason) => void parts.set(name, reason) };
    },
    stopping: () => {
      isStopping = true;
    },
    report: () => ({
      ready: !isStopping && [...parts.values()].every((state) => state === 'up'),
      parts: { ...Object.fromEntries(parts), ...(isStopping && { process: 'stopping' }) },
    }),
  };
}
