import type { Dashboard } from './dashboard.ts'
import { inRange, perMinute, quantile } from './queries.ts'

const steps = 'rekey_restore_steps_total'
const signIns = 'rekey_sign_ins_total'
const changes = 'rekey_password_changes_total'
const noFailure = 'each of these steps succeeded'

export const funnel: Dashboard = {
  name: 'funnel',
  title: 'Funnel',
  description: 'How far restores and sign-ins get, how long each step takes, and why it fails.',
  panels: [
    {
      title: 'Restores of the shown time',
      description: 'Each step that succeeded. Requests count unknown users too, who get no code.',
      kind: 'bargauge',
      queries: [
        [inRange(`${steps}{step="requested",outcome="ok"}`), '1. requested'],
        [inRange(`${steps}{step="code_sent",outcome="ok"}`), '2. code sent'],
        [inRange(`${steps}{step="code_accepted",outcome="ok"}`), '3. code right'],
        [inRange(`${steps}{step="password_set",outcome="ok"}`), '4. password set'],
      ],
      unit: 'short',
      runbook: 'metrics.md#metrics',
    },
    {
      title: 'From code to new password',
      description: 'New passwords for each sent code. A fall: late codes, a page that fails, or refused passwords.',
      kind: 'stat',
      queries: [
        [
          `${inRange(`${steps}{step="password_set",outcome="ok"}`)} / ${inRange(`${steps}{step="code_sent",outcome="ok"}`)}`,
          'restores',
        ],
      ],
      unit: 'percentunit',
      below: [0.5, 0.2],
      runbook: 'operations.md#someone-says-i-got-no-code',
    },
    {
      title: 'Steps of restores',
      description: 'Steps a minute that succeeded. A line that parts from the one before it shows the step that fails.',
      queries: [[perMinute('step', `${steps}{outcome="ok"}`), '{{step}}']],
      unit: 'cpm',
      runbook: 'operations.md#symptoms',
    },
    {
      title: 'Time between steps, p50 and p95',
      description: 'code_sent is ours; code_accepted and password_set are people. Late codes: see Delivery.',
      queries: [
        [quantile(0.5, 'rekey_restore_step_delay_seconds', 'step'), '{{step}} p50'],
        [quantile(0.95, 'rekey_restore_step_delay_seconds', 'step'), '{{step}} p95'],
      ],
      unit: 's',
      runbook: 'operations.md#mail-and-sms',
    },
    {
      title: 'Requests that fail',
      description: 'limited: quotas; unavailable: a dependency; failed: a defect.',
      queries: [[perMinute('outcome', `${steps}{step="requested",outcome!="ok"}`), '{{outcome}}']],
      unit: 'cpm',
      stacked: true,
      runbook: 'operations.md#limits',
      emptyBecause: noFailure,
    },
    {
      title: 'Codes that are not sent',
      description: 'unknown_or_blocked is normal. expired: a part was away. refused: the mail server or vendor.',
      queries: [[perMinute('channel, outcome', `${steps}{step="code_sent",outcome!="ok"}`), '{{channel}} {{outcome}}']],
      unit: 'cpm',
      stacked: true,
      runbook: 'operations.md#someone-says-i-got-no-code',
      emptyBecause: noFailure,
    },
    {
      title: 'Codes that are not accepted',
      description: 'wrong is normal for a few in a hundred; many, with lockouts, are guesses.',
      queries: [[perMinute('outcome', `${steps}{step="code_accepted",outcome!="ok"}`), '{{outcome}}']],
      unit: 'cpm',
      stacked: true,
      runbook: 'operations.md#someone-cannot-restore-after-wrong-codes',
      emptyBecause: noFailure,
    },
    {
      title: 'New passwords that are refused',
      description: 'policy: rules for new passwords. grant: tokens that are used, expired or foreign.',
      queries: [[perMinute('reason, outcome', `${changes}{outcome!="ok"}`), '{{reason}}: {{outcome}}']],
      unit: 'cpm',
      stacked: true,
      runbook: 'operations.md#new-passwords',
      emptyBecause: noFailure,
    },
    {
      title: 'New passwords',
      description: 'By reason. Many of staff or temporary: a job, or the back office.',
      queries: [[perMinute('reason', `${changes}{outcome="ok"}`), '{{reason}}']],
      unit: 'cpm',
      runbook: 'operations.md#everyone-needs-a-new-password',
    },
    {
      title: 'Sign-ins of the shown time',
      description: 'Each step that succeeded.',
      kind: 'bargauge',
      queries: [
        [inRange(`${signIns}{step="password",outcome="ok"}`), '1. password'],
        [inRange(`${signIns}{step="second_factor",outcome="ok"}`), '2. code right'],
        [inRange(`${signIns}{step="completed",outcome="ok"}`), '3. session began'],
      ],
      unit: 'short',
      runbook: 'metrics.md#metrics',
    },
    {
      title: 'Sign-ins that fail',
      description: 'wrong passwords rise in an attack; limited customers with right ones need the runbook.',
      queries: [[perMinute('step, outcome', `${signIns}{outcome!="ok"}`), '{{step}}: {{outcome}}']],
      unit: 'cpm',
      stacked: true,
      runbook: 'operations.md#a-right-password-is-answered-429',
      emptyBecause: noFailure,
    },
    {
      title: 'Time of sign-in steps, p50 and p95',
      description: 'second_factor is people; completed is ours: it waits for NATS.',
      queries: [
        [quantile(0.5, 'rekey_sign_in_step_delay_seconds', 'step'), '{{step}} p50'],
        [quantile(0.95, 'rekey_sign_in_step_delay_seconds', 'step'), '{{step}} p95'],
      ],
      unit: 's',
      runbook: 'operations.md#answers-503',
    },
  ],
}
