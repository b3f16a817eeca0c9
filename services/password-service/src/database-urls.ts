interface Variables {
  DATABASE_URL: string
  REKEY_DATABASE_DIRECT_URL?: string | undefined
}

/** How to reach Postgres. */
export interface DatabaseUrls {
  /** For transactions and single statements. */
  url: string
  /** For what needs a session: LISTEN, locks that outlive a transaction, long cursors. */
  directUrl: string
  /** True if `url` is that of a pooler in transaction mode. */
  pooled: boolean
}

/** Without `REKEY_DATABASE_DIRECT_URL`, `DATABASE_URL` is that of Postgres itself. */
export const databaseUrls = ({ DATABASE_URL, REKEY_DATABASE_DIRECT_URL }: Variables): DatabaseUrls => ({
  url: DATABASE_URL,
  directUrl: REKEY_DATABASE_DIRECT_URL ?? DATABASE_URL,
  pooled: REKEY_DATABASE_DIRECT_URL !== undefined && REKEY_DATABASE_DIRECT_URL !== DATABASE_URL,
})
