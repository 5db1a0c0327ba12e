/** Labels of a series, its name as `__name__`. */
export type Series = Readonly<Record<string, string>>;

/** A rule as Prometheus shows it. */
export interface RuleStatus {
  readonly name: string;
  /** `ok`, `err`, `unknown` before it was looked at */
  readonly health: string;
  readonly lastError?: string;
  readonly alerts: readonly FiringAlert[];
}

/** An alert that is pending or fires. */
export interface FiringAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
}

/** What tests ask a Prometheus. */
export interface PrometheusApi {
  /** The series of an instant query; those of a scalar are one without labels. @throws Error where it doesn't parse */
  query(expr: string): Promise<readonly Series[]>;
  /** All series that it has scraped of a job within its last minutes. */
  seriesOf(job: string): Promise<readonly Series[]>;
  rules(): Promise<readonly RuleStatus[]>;
}

/** Speaks with the Prometheus at `url`. */
export function prometheusApi(url: string): PrometheusApi {
  const ask = async (path: string, parameters: Readonly<Record<string, string>> = {}): Promise<unknown> => {
    const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`);
    const { status, data, error } = (await response.json()) as { status: string; data: unknown; error?: string }; // its API v1
    if (status !== 'success') throw new Error(`${path} ${JSON.stringify(parameters)}: ${error}`);
    return data;
  };
  return {
    query: async (query) => {
      const { result } = (await ask('query', { query })) as { result: { metric: Series }[] }; // a vector
      return result.map(({ metric }) => metric);
    },
    seriesOf: async (job) => (await ask('series', { 'match[]': `{job="${job}"}` })) as Series[], // as documented
    rules: async () => {
      const { groups } = (await ask('rules')) as { groups: { rules: RuleStatus[] }[] }; // as documented
      return groups.flatMap(({ rules }) => rules);
    },
  };
}
