import type { Dashboard } from './dashboard.ts'
import { perMinute, perSecond, quantile } from './queries.ts'

const messages = 'rekey_messages_total'
const handover = 'rekey_message_handover_seconds'

export const delivery: Dashboard = {
  name: 'delivery',
  title: 'Delivery',
  description: 'Messages and events: what waits, for what, and for how long.',
  panels: [
    {
      title: 'Attempts to send',
      description: 'failed ones are retried; refused ones are dead letters.',
      queries: [[perMinute('channel, result', messages), '{{channel}} {{result}}']],
      unit: 'cpm',
      stacked: true,
      runbook: 'operations.md#mail-and-sms',
    },
    {
      title: 'Time from request to hand-over',
      description: 'p50 and p99 of messages by channel. Above 5 s the SLO restore-mail burns: look at provider errors.',
      queries: [
        [quantile(0.5, handover, 'channel'), '{{channel}} p50'],
        [quantile(0.99, handover, 'channel'), '{{channel}} p99'],
      ],
      unit: 's',
      above: [2, 5],
      runbook: 'operations.md#mail-and-sms',
    },
    {
      title: 'Codes by mail within 5 s',
      description: 'The goal is 99.9 %.',
      kind: 'stat',
      queries: [
        [
          `sum(increase(${handover}_bucket{event="notify.code",channel="email",le=~"5|5\\\\.0"}[$__range])) / sum(increase(${handover}_count{event="notify.code",channel="email"}[$__range]))`,
          'within 5 s',
        ],
      ],
      unit: 'percentunit',
      below: [0.9995, 0.999],
      runbook: 'dashboards.md#slos',
    },
    {
      title: 'Provider errors',
      description:
        'authentication: credentials. connection, timeout: the network, or the provider. refused: its answer.',
      queries: [[perMinute('channel, kind', 'rekey_provider_errors_total'), '{{channel}} {{kind}}']],
      unit: 'cpm',
      above: [1, 10],
      runbook: 'operations.md#mail-and-sms',
    },
    {
      title: 'Bounces',
      description:
        'Messages whose address cannot receive, by why. Many of rejected: the sender’s reputation, SPF or DKIM. Many of unknown_address: an import, or somebody who enters addresses.',
      queries: [[perMinute('channel, reason', 'rekey_message_bounces_total'), '{{channel}} {{reason}}']],
      unit: 'cpm',
      above: [1, 10],
      runbook: 'operations.md#bounces',
      emptyBecause: 'no message bounced',
    },
    {
      title: 'Mail to bounce addresses',
      description:
        'counted: bounces. forged: mail to no address of a message. not_stored: NATS is away, the mail host tries again.',
      queries: [[perMinute('result', 'rekey_bounce_reports_total'), '{{result}}']],
      unit: 'cpm',
      runbook: 'operations.md#bounces',
      emptyBecause: 'no mail came to a bounce address',
    },
    {
      title: 'Messages by kind',
      description: 'Sent messages. A rise of one kind: a job, or an attack that makes customers get codes.',
      queries: [[perMinute('event', `${messages}{result="sent"}`), '{{event}}']],
      unit: 'cpm',
      runbook: 'operations.md#mail-and-sms',
    },
    {
      title: 'Codes that are not sent',
      description: 'unknown or blocked is normal; expired: they waited for too long.',
      queries: [[perMinute('reason', 'rekey_codes_not_sent_total'), '{{reason}}']],
      unit: 'cpm',
      runbook: 'operations.md#someone-says-i-got-no-code',
    },
    {
      title: 'Age of the oldest message of each consumer',
      description: 'It rises: the handler fails (redelivered messages) or is too slow.',
      queries: [['max by (consumer) (rekey_consumer_oldest_age_seconds)', '{{consumer}}']],
      unit: 's',
      above: [15, 60],
      runbook: 'operations.md#metrics',
    },
    {
      title: 'Messages that wait at the broker',
      description: 'Not delivered yet, by consumer. It rises while no instance runs, or all are too slow.',
      queries: [['max by (consumer) (rekey_consumer_waiting_messages)', '{{consumer}}']],
      unit: 'short',
      runbook: 'operations.md#metrics',
    },
    {
      title: 'Unacknowledged and redelivered messages',
      description:
        'Redelivered: a handler failed, its log has why. At 10,000 unacknowledged ones no more are delivered.',
      queries: [
        ['max by (consumer) (rekey_consumer_unacknowledged_messages)', '{{consumer}}'],
        ['max by (consumer) (rekey_consumer_redelivered_messages)', '{{consumer}} redelivered'],
      ],
      unit: 'short',
      above: [1_000, 9_000],
      runbook: 'operations.md#metrics',
    },
    {
      title: 'Dead letters that wait',
      description: 'List them, then replay or drop each: npm run dead-letters -- list.',
      kind: 'stat',
      queries: [['max(rekey_dead_letter_messages)', 'dead letters']],
      unit: 'short',
      above: [1, 10],
      runbook: 'operations.md#logs-and-dead-letters',
    },
    {
      title: 'New dead letters',
      description: 'Events that became dead letters, by their type. Their reasons are in the list.',
      queries: [[perMinute('event', 'rekey_dead_letters_total'), '{{event}}']],
      unit: 'cpm',
      runbook: 'dead-letters.md#dead-letters',
      emptyBecause: 'no event became a dead letter',
    },
    {
      title: 'Items that wait in a part',
      description: 'Compare with stalled parts on Overview.',
      queries: [['sum by (job, part) (rekey_progress_waiting)', '{{job}}: {{part}}']],
      unit: 'short',
      runbook: 'operations.md#metrics',
    },
    {
      title: 'Age of the outbox',
      description: 'It rises: NATS is away. Until it is back, sessions that a restore ended are accepted.',
      queries: [['max by (stream) (rekey_outbox_oldest_age_seconds)', '{{stream}}']],
      unit: 's',
      above: [5, 30],
      runbook: 'operations.md#when-a-part-is-unavailable',
    },
    {
      title: 'Events in the outbox',
      description: 'Held ones were rejected by the broker: permissions, or the size of a stream.',
      queries: [
        ['max by (stream) (rekey_outbox_waiting_events)', '{{stream}} waiting'],
        ['max by (stream) (rekey_outbox_held_events)', '{{stream}} held'],
      ],
      unit: 'short',
      runbook: 'operations.md#the-broker',
    },
    {
      title: 'Events that the broker rejected or lost',
      description: 'Rejected ones are retried, lost ones published again.',
      queries: [
        [perMinute('type', 'rekey_outbox_refused_total'), '{{type}} rejected'],
        [perMinute('stream', 'rekey_outbox_lost_events_total'), '{{stream}} lost'],
      ],
      unit: 'cpm',
      above: [1, 60],
      runbook: 'operations.md#the-broker',
      emptyBecause: 'the broker rejected no event',
    },
    {
      title: 'Background events',
      description: 'Events that wait to be published. At 10,000 further ones are dropped.',
      queries: [
        ['sum by (job) (rekey_background_events_waiting)', '{{job}} waiting'],
        [perSecond('job, reason', 'rekey_background_events_dropped_total'), '{{job}} dropped a second: {{reason}}'],
      ],
      unit: 'short',
      above: [1_000, 5_000],
      runbook: 'operations.md#metrics',
    },
    {
      title: 'Too small streams',
      description: 'How much shorter than its least age a stream keeps events. Raise its max_bytes.',
      queries: [['max by (stream) (rekey_stream_cut_off_seconds)', '{{stream}}']],
      unit: 's',
      above: [1, 3_600],
      runbook: 'operations.md#the-broker',
    },
    {
      title: 'Lost connections to NATS',
      description: 'A steady rate: a broker, balancer or network leaves PINGs unanswered.',
      queries: [[perMinute('job', 'rekey_broker_disconnects_total'), '{{job}}']],
      unit: 'cpm',
      runbook: 'operations.md#when-a-part-is-unavailable',
    },
  ],
}
