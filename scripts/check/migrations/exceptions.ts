import type { Exception } from './rules.ts'

/** Migrations that break rules, with the reason why they may. A migration that a release contains is never edited. */
export const exceptions: readonly Exception[] = [
  {
    migration: '20261121223152_sessions_jobs_customers',
    rules: ['several-tables'],
    reason: 'Contained in 0.1.0, before this check.',
  },
  {
    migration: '20261121225000_job_approver',
    rules: ['index-without-concurrently', 'several-tables'],
    reason: 'Contained in 0.1.0. The table of restore requests has the rows of ten minutes.',
  },
  {
    migration: '20261121230000_outbox_waiting',
    rules: ['index-without-concurrently'],
    reason: 'Contained in 0.1.0.',
  },
  {
    migration: '20261122020000_credential_lot',
    rules: ['column-that-rewrites', 'index-without-concurrently'],
    reason: 'Contained in 0.1.0. Takes 5 s for a million customers (docs/operations.md).',
  },
  {
    migration: '20261128010000_credential_decoy_position',
    rules: ['rename'],
    reason: 'The changelog says what the version before answers. A database may have applied it already.',
  },
  {
    migration: '20261201101000_email_that_begins_with_plus',
    rules: ['rows-in-bulk'],
    reason: 'Changes only wrongly stored addresses, which are few, and reads the table without locking other rows.',
  },
  {
    migration: '20261201104000_staff_actions',
    rules: ['several-tables'],
    reason: 'Two of its three tables have a few rows of the back office, which no customer request uses.',
  },
  {
    migration: '20261201105000_address_changes',
    rules: ['several-tables'],
    reason:
      'Three tables and a foreign key, each locked for a moment: with --lock-timeout 300 a request waits 1.2 s at most.',
  },
]
