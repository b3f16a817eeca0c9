import type { Dashboard } from './dashboard.ts'
import { perMinute } from './queries.ts'

export const security: Dashboard = {
  name: 'security',
  title: 'Security',
  description: 'Guesses, sprays, lockouts, holds and keys. No panel names a customer: the log does.',
  panels: [
    {
      title: 'Limits that are used up',
      description:
        'all: spraying, page somebody. address: one attacker or a balancer. account: one customer is attacked.',
      queries: [[perMinute('action, by', 'rekey_limits_exceeded_total'), '{{action}} by {{by}}']],
      unit: 'cpm',
      runbook: 'operations.md#limits',
    },
    {
      title: 'Lockouts',
      description: 'Ten wrong codes begin one. Many at once: somebody guesses codes of many customers.',
      queries: [[perMinute('kind, account', 'rekey_lockouts_total'), '{{kind}} of a {{account}}']],
      unit: 'cpm',
      above: [1, 10],
      runbook: 'operations.md#someone-cannot-restore-after-wrong-codes',
    },
    {
      title: 'Wrong codes',
      description: 'Compare with right ones on Funnel: a few in a hundred are people.',
      queries: [
        [
          perMinute('outcome', 'rekey_restore_steps_total{step="code_accepted",outcome=~"wrong|locked_out"}'),
          'restore: {{outcome}}',
        ],
        [
          perMinute('outcome', 'rekey_sign_ins_total{step="second_factor",outcome=~"wrong|locked_out"}'),
          'sign-in: {{outcome}}',
        ],
      ],
      unit: 'cpm',
      runbook: 'operations.md#someone-cannot-restore-after-wrong-codes',
    },
    {
      title: 'Wrong passwords',
      description: 'A steep rise is stuffing or spraying: block its addresses and clients in front of the gateway.',
      queries: [
        [perMinute('outcome', 'rekey_sign_ins_total{step="password",outcome=~"ok|wrong|limited"}'), '{{outcome}}'],
      ],
      unit: 'cpm',
      runbook: 'operations.md#limits',
    },
    {
      title: 'Restores of unknown or blocked users',
      description: 'A rise: somebody tries a list of user names. Answers do not tell which exist.',
      queries: [[perMinute('reason', 'rekey_codes_not_sent_total{reason="unknown or blocked"}'), '{{reason}}']],
      unit: 'cpm',
      runbook: 'operations.md#limits',
    },
    {
      title: 'Refused requests at the gateway',
      description: '401, 403 and 429. 401 for everybody: clocks or signing keys.',
      queries: [
        [perMinute('status', 'rekey_http_request_duration_seconds_count{status=~"401|403|429"}'), '{{status}}'],
      ],
      unit: 'cpm',
      runbook: 'operations.md#symptoms',
      emptyBecause: 'no request was refused',
    },
    {
      title: 'Records in Redis that were tampered with',
      description: 'Any: somebody else writes to Redis, or keys differ between gateways.',
      queries: [[perMinute('kind', 'rekey_tampered_records_total'), '{{kind}}']],
      unit: 'cpm',
      above: [0.01, 0.01],
      runbook: 'operations.md#redis',
    },
    {
      title: 'Second proofs',
      description:
        'Submitted codes by outcome, and new passwords that wait for one. Many wrong ones: codes are guessed.',
      queries: [
        [perMinute('purpose, method, outcome', 'rekey_second_proofs_total'), '{{purpose}} by {{method}}: {{outcome}}'],
        [perMinute('purpose, result', 'rekey_second_proofs_required_total'), '{{purpose}} waits: {{result}}'],
      ],
      unit: 'cpm',
      runbook: 'operations.md#someone-cannot-restore-after-wrong-codes',
      emptyBecause: 'no customer has a second method',
    },
    {
      title: 'Codes of apps and recovery codes',
      description: 'used: a code that was right before, which its owner or somebody who watched typed again.',
      queries: [[perMinute('method, outcome', 'rekey_factor_proofs_total'), '{{method}}: {{outcome}}']],
      unit: 'cpm',
      runbook: 'operations.md#someone-cannot-restore-after-wrong-codes',
      emptyBecause: 'no customer has enrolled one',
    },
    {
      title: 'Waiting restores',
      description: 'Opened with one proof of two, and their outcomes. link or sign_in: the customer vetoed it.',
      queries: [[perMinute('result, by', 'rekey_waiting_restores_total'), '{{result}} {{by}}']],
      unit: 'cpm',
      runbook: 'operations.md#a-restore-waits',
    },
    {
      title: 'Recovery holds',
      description: 'Begun or extended, by reason. young_address: a restore over an address that was just added.',
      queries: [[perMinute('reason', 'rekey_holds_started_total'), '{{reason}}']],
      unit: 'cpm',
      runbook: 'operations.md#someone-says-it-was-not-me',
    },
    {
      title: 'Passwords of staff',
      description: 'Set by the back office, by outcome. Compare with what staff did.',
      queries: [[perMinute('outcome', 'rekey_password_changes_total{reason="staff"}'), '{{outcome}}']],
      unit: 'cpm',
      runbook: 'operations.md#what-staff-read',
    },
    {
      title: 'Verifications by the help desk',
      description: 'By method and outcome. Many wrong: somebody guesses. none: the method is not known there.',
      queries: [[perMinute('method, outcome', 'rekey_verifications_total'), '{{method}}: {{outcome}}']],
      unit: 'cpm',
      runbook: 'operations.md#help-desk',
      emptyBecause: 'no caller was verified',
    },
    {
      title: 'Acts of staff on a customer',
      description: 'By what stood behind them. overridden: a second person approved without the customer.',
      queries: [[perMinute('action, proof', 'rekey_staff_acts_total'), '{{action}}: {{proof}}']],
      unit: 'cpm',
      runbook: 'operations.md#help-desk',
      emptyBecause: 'staff have done nothing',
    },
    {
      title: 'Look-ups of leaked passwords',
      description: 'timeout, failed and skipped: new passwords were accepted without an answer.',
      queries: [[perMinute('outcome', 'rekey_breach_lookups_total'), '{{outcome}}']],
      unit: 'cpm',
      runbook: 'operations.md#new-passwords',
    },
    {
      title: 'Compromise reports',
      description: 'Customers who say that it was not them, by link and by RPC.',
      queries: [
        [
          perMinute('status', 'rekey_http_request_duration_seconds_count{method="POST",route="/not-me"}'),
          'link {{status}}',
        ],
        [
          perMinute('outcome', 'rekey_rpc_request_duration_seconds_count{method="account.report-compromise"}'),
          'RPC {{outcome}}',
        ],
      ],
      unit: 'cpm',
      runbook: 'operations.md#someone-says-it-was-not-me',
      emptyBecause: 'no customer reported a compromise',
    },
    {
      title: 'Age of keys',
      description: 'Rotate signing keys monthly. Missing for keys that are given in the environment.',
      queries: [['max by (job, key) (rekey_key_age_seconds)', '{{job}}: {{key}}']],
      unit: 'dtdurations',
      runbook: 'operations.md#signing-keys',
      emptyBecause: 'keys are given in the environment',
    },
    {
      title: 'Secrets of factors under an older key',
      description: 'Drop the older key at 0. A figure that stays: secrets need a key that was dropped.',
      queries: [['max by (job) (rekey_factor_secrets_on_older_keys)', '{{job}}']],
      unit: 'short',
      runbook: 'operations.md#secret-keys',
    },
    {
      title: 'Certificates: time left',
      description:
        'Until the first certificate of each file in use expires. Missing for services without TLS of their own.',
      queries: [
        ['min by (job, certificate) (rekey_certificate_expiry_timestamp_seconds) - time()', '{{job}}: {{certificate}}'],
      ],
      unit: 'dtdurations',
      runbook: 'operations.md#tls-between-the-parts',
      emptyBecause: 'no service has certificates of its own',
    },
  ],
}
