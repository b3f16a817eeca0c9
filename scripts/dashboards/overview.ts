import type { Dashboard } from './dashboard.ts'
import { jobs, perMinute, perSecond, quantile } from './queries.ts'

const requests = 'rekey_http_request_duration_seconds'

export const overview: Dashboard = {
  name: 'overview',
  title: 'Overview',
  description: 'Whether customers are served: look here first.',
  panels: [
    {
      title: 'Instances',
      description: 'Instances that answer a scrape. None: the service is down, or Prometheus does not reach its port.',
      kind: 'stat',
      queries: [[`sum by (job) (up{${jobs}})`, '{{job}}']],
      unit: 'short',
      below: [2, 1],
      runbook: 'operations.md#parts-and-what-they-need',
    },
    {
      title: 'Good events of three days',
      description:
        'Share of good events of each SLO. Below the goal: find the errors on this page, or late mail on Delivery.',
      kind: 'stat',
      queries: [['1 - (rekey:slo_errors:rate3d / rekey:slo_events:rate3d)', '{{slo}}']],
      unit: 'percentunit',
      below: [0.9995, 0.999],
      runbook: 'dashboards.md#slos',
    },
    {
      title: 'Firing alerts',
      description: 'Alerts that fire now. Each has a runbook in its annotations.',
      kind: 'table',
      queries: [['sort_desc(count by (alertname, severity) (ALERTS{alertname=~"Rekey.+",alertstate="firing"}))', '']],
      unit: 'short',
      runbook: 'dashboards.md#load-them',
      emptyBecause: 'no alert fires',
    },
    {
      title: 'Burn rate of the SLOs',
      description: 'At 1 the budget of 30 days lasts 30 days. From 14.4 on over an hour somebody is paged.',
      queries: [
        ['rekey:slo_burn:rate5m', '{{slo}}, 5 min'],
        ['rekey:slo_burn:rate1h', '{{slo}}, 1 h'],
      ],
      unit: 'short',
      above: [1, 14.4],
      runbook: 'dashboards.md#when-an-slo-burns',
    },
    {
      title: 'Dependencies',
      description: 'Red: no instance of the service reaches it. See what still works, and what waits.',
      kind: 'state-timeline',
      queries: [['max by (job, dependency) (rekey_dependency_up)', '{{job}} → {{dependency}}']],
      unit: 'short',
      below: [1, 1],
      runbook: 'operations.md#when-a-part-is-unavailable',
    },
    {
      title: 'Stalled parts',
      description:
        'Time since a part with waiting items finished one. From 15 s on the instance is degraded: read its log.',
      queries: [['max by (job, part) (rekey_progress_stalled_seconds)', '{{job}}: {{part}}']],
      unit: 's',
      above: [5, 15],
      runbook: 'operations.md#metrics',
    },
    {
      title: 'Requests',
      description: 'Requests a second of each service. A sudden fall to 0 is a balancer or a network.',
      queries: [[perSecond('job', `${requests}_count`), '{{job}}']],
      unit: 'reqps',
      runbook: 'operations.md#symptoms',
    },
    {
      title: 'Answers 5xx',
      description: 'By route. 503: a dependency or overload. 500: a defect; search the log for its trace id.',
      queries: [[perSecond('job, route, status', `${requests}_count{status=~"5.."}`), '{{job}} {{route}} {{status}}']],
      unit: 'reqps',
      above: [0.01, 1],
      runbook: 'operations.md#answers-503',
      emptyBecause: 'no request failed',
    },
    {
      title: 'Answers 429',
      description: 'By route. Many: an attack, or a balancer that REKEY_TRUSTED_PROXIES does not name.',
      queries: [[perSecond('route', `${requests}_count{status="429"}`), '{{route}}']],
      unit: 'reqps',
      runbook: 'operations.md#limits',
      emptyBecause: 'no request was limited',
    },
    {
      title: 'Time of requests, p99',
      description:
        'The ten slowest routes. Sign-ins and new passwords take a hash; others more than 0.25 s wait for a store.',
      queries: [[`topk(10, ${quantile(0.99, requests, 'job, route')})`, '{{job}} {{route}}']],
      unit: 's',
      above: [0.5, 1.5],
      runbook: 'operations.md#answers-503',
    },
    {
      title: 'Time of RPCs, p99',
      description: 'By method. Callers give up after two seconds.',
      queries: [[quantile(0.99, 'rekey_rpc_request_duration_seconds', 'method'), '{{method}}']],
      unit: 's',
      above: [0.5, 1.5],
      runbook: 'operations.md#answers-503',
    },
    {
      title: 'RPCs that fail',
      description: 'By method and error code. unavailable: a store of the password-service.',
      queries: [
        [
          perSecond('method, outcome', 'rekey_rpc_request_duration_seconds_count{outcome!="ok"}'),
          '{{method}} {{outcome}}',
        ],
      ],
      unit: 'cps',
      runbook: 'operations.md#answers-503',
      emptyBecause: 'no RPC failed',
    },
    {
      title: 'Restores',
      description: 'Requests and new passwords a minute. Requests without new passwords: see Funnel.',
      queries: [
        [perMinute('step', 'rekey_restore_steps_total{step=~"requested|password_set",outcome="ok"}'), '{{step}}'],
      ],
      unit: 'cpm',
      runbook: 'operations.md#symptoms',
    },
    {
      title: 'Sign-ins and changes',
      description: 'Completed sign-ins and new passwords a minute.',
      queries: [
        [perMinute('step', 'rekey_sign_ins_total{step="completed",outcome="ok"}'), 'sign-ins'],
        [perMinute('reason', 'rekey_password_changes_total{outcome="ok"}'), 'new passwords: {{reason}}'],
      ],
      unit: 'cpm',
      runbook: 'operations.md#symptoms',
    },
    {
      title: 'Versions',
      description: 'What runs. Two versions of a service for more than a rolling update: an instance was left behind.',
      kind: 'table',
      queries: [['count by (job, version, revision, node) (rekey_build_info)', '']],
      unit: 'short',
      runbook: 'operations.md#stopping-and-rolling-restarts',
    },
  ],
}
