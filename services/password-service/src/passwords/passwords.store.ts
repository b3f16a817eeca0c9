import type { Address } from '@rekey/contracts'
import type { Database, Transaction } from '../database.ts'
import { type Deletion, deleteOldest } from '../deletion.ts'
import { Prisma } from '../generated/prisma/client.ts'
import type { ChainedChange, ChangeRecord } from '../history/digest.ts'
import type { NewEvent } from '../outbox/event.ts'
import { refuseCurrentPassword } from './current-password.ts'
import type { Replaced } from './facts.ts'
import { type Grant, refuseGrant } from './grant.ts'

/** Whose password it is. */
interface Owner {
  id: number
  code: string
  blocked: boolean
}

/** An owner, with what a new password is judged by. */
interface Judged extends Owner {
  hash: string | null
  mustChange: boolean
  /** Whether the password was given as a temporary one. */
  temporary: boolean
  /** Mail addresses and phone numbers. */
  usernames: string[]
}

/** An owner, as found by a grant. */
export interface GrantHolder extends Judged {
  /** Whether there is a confirmed address to send a password to. */
  reachable: boolean
  /** Whether the grant has been used. */
  spent: boolean
}

/** What a sign-in is judged by: the named customer's, or a stand-in's. */
export interface Account extends Owner {
  /** Whether it is the customer whom the address names. Otherwise no password is theirs, whatever the hash says. */
  named: boolean
  hash: string
  mustChange: boolean
  temporaryUntil: Date | null
  sessionEpoch: number
  /** Confirmed ones, where there are any: e-mail before phone, the oldest first. */
  addresses: Address[] | null
}

interface Replacement {
  customerId: number
  /** Spent with it. The back office needs none. */
  grant?: Grant | undefined
  /** What the current password was held against: replaced only if it still is the credential's. */
  verifiedHash?: string | undefined
  hash: string
  /** Where the new password is a temporary one: when it stops working. */
  temporaryUntil?: Date | undefined
  /** Session that goes on; all others are over. */
  keptSession?: string | undefined
  change: Omit<ChangeRecord, 'id' | 'customerId' | 'actorId'> & { actorId?: string }
}

interface Deps {
  database: Database
  /** Ends the customer's restores but one. @returns whether that one is open */
  endOtherRestores(tx: Transaction, customerId: number, challengeId: string | undefined): Promise<boolean>
  /** Keeps the password that is about to be replaced, where former ones are kept. */
  keepFormer(tx: Transaction, customerId: number, at: Date): Promise<void>
  /** Adds a record to the customer's history. */
  appendChange(tx: Transaction, change: Omit<ChangeRecord, 'id'>): Promise<ChainedChange>
  /** Ends the customer's sessions but one. @returns the new epoch */
  endSessions(tx: Transaction, customerId: number, end: { at: Date; kept?: string | undefined }): Promise<number>
  /** Adds events that leave after the commit. */
  addEvents(tx: Transaction, subject: string, createdAt: Date, events: NewEvent[]): Promise<void>
}

export interface PasswordStore {
  /** The customer whom a change's grant names. */
  findForChange(grant: Grant): Promise<GrantHolder | undefined>
  /** The customer whose restore the grant's challenge is. */
  findForRestore(grant: Grant): Promise<GrantHolder | undefined>
  findById(customerId: number): Promise<(Judged & { confirmedEmail: boolean }) | undefined>
  /**
   * The customer whom a confirmed address names or, where that is nobody with a password, the one whose lot comes next
   * after the one given: either way one is found, and by the same work. Undefined only while there are no passwords.
   */
  findForSignIn(address: Address, lot: number): Promise<Account | undefined>
  /** Puts another hash of the same password in the place of `from`, unless a new password came between. */
  rehash(customerId: number, from: string, to: string): Promise<void>
  /**
   * The grant, the password, the history and the events in one transaction: all of it, or nothing (S24, ASVS 2.3.3).
   * `announce` makes the events; `alongside` runs first, within the customer's lock, and by throwing undoes it all.
   * Whatever restore was begun before ends with it: its code may be in hands that the new password is to keep out.
   *
   * @throws RekeyError success_token_refused: the grant was used a moment ago, or the customer blocked;
   * current_password_wrong: it was the current one until a moment ago
   */
  replace(
    replacement: Replacement,
    announce: (replaced: Replaced) => Promise<NewEvent[]>,
    alongside?: (tx: Transaction) => Promise<void>,
  ): Promise<void>
  /**
   * A sign-in of this epoch was given a token: where the password is a temporary one, it was its only sign-in. Its hash
   * stays, so that it is not taken for the one to keep, and any other sign-in with it is over. Safe to run again, and
   * late: a newer password has another epoch.
   *
   * @returns whether the password was a temporary one that could still be used
   */
  spendTemporary(login: { customer: string; sessionId: string; sessionEpoch: number }, at: Date): Promise<boolean>
}

/** When a temporary password that was used stopped working: long ago, whatever a machine's clock says. */
const usedUp = new Date(0)

/** On a machine whose clock is late a token outlives its time. */
const clockSlackMs = 3_600_000

interface LockedRow {
  code: string
  blocked: boolean
  locale: string
  timezone: string
  holdUntil: Date | null
}

/** A hold that is on is never cut short by a shorter one, such as after REKEY_HOLD_HOURS was made less. */
const laterHold = (begun: Date | null | undefined, on: Date | null) => (begun && on && on > begun ? on : begun)

/** Columns of an owner: the customer `c` and the credential `k`, where there is one. */
const owner = Prisma.sql`
  c.id, c.code, c.status = 'blocked' AS blocked, k.hash, coalesce(k.must_change, false) AS "mustChange",
  k.temporary_until IS NOT NULL AS temporary,
  ARRAY(SELECT i.value FROM identifier i WHERE i.customer_id = c.id) AS usernames`

/** Columns of a grant's holder. */
const holderOf = ({ jti, challengeId }: Grant) => Prisma.sql`${owner},
  EXISTS (SELECT 1 FROM identifier i WHERE i.customer_id = c.id AND i.verified_at IS NOT NULL) AS reachable,
  EXISTS (SELECT 1 FROM spent_token WHERE jti IN (${jti}::uuid, ${challengeId}::uuid)) AS spent`

const confirmedAddresses = (tx: Transaction, customerId: number): Promise<Address[]> =>
  tx.identifier.findMany({
    select: { kind: true, value: true },
    where: { customerId, verifiedAt: { not: null } },
    orderBy: [{ kind: 'asc' }, { id: 'asc' }],
  })

/**
 * The row's primary key is the rule: what is spent cannot be spent again, however many try at once. The token is, and so
 * is the challenge that it was given for: a Redis that was killed, or replaced by its replica, may not know any more that
 * a code was taken, and take it again.
 */
const spend = async (tx: Transaction, { jti, challengeId, expiresAt }: Grant) => {
  const inserted = await tx.$executeRaw`
    INSERT INTO spent_token (jti, expires_at)
    VALUES (${jti}::uuid, ${expiresAt}), (${challengeId}::uuid, ${expiresAt}) ON CONFLICT DO NOTHING`
  if (inserted < 2) throw refuseGrant('spent')
}

/** One conditional write: a password that was set after the current one was checked is not overwritten. */
const store = async (
  tx: Transaction,
  { customerId, ...credential }: { customerId: number; hash: string; mustChange: boolean; temporaryUntil: Date | null },
  verifiedHash: string | undefined,
) => {
  if (verifiedHash === undefined) {
    await tx.credential.upsert({
      where: { customerId },
      create: { customerId, ...credential },
      update: credential,
    })
    return
  }
  const { count } = await tx.credential.updateMany({ where: { customerId, hash: verifiedHash }, data: credential })
  if (count === 0) throw refuseCurrentPassword()
}

export const createPasswordStore = ({
  database,
  endOtherRestores,
  endSessions,
  keepFormer,
  appendChange,
  addEvents,
}: Deps): PasswordStore => ({
  findForChange: (grant) =>
    database.query(async (prisma) => {
      const [row] = await prisma.$queryRaw<GrantHolder[]>`
        SELECT ${holderOf(grant)} FROM customer c LEFT JOIN credential k ON k.customer_id = c.id
        WHERE c.code = ${grant.subject}`
      return row
    }),

  findForRestore: (grant) =>
    database.query(async (prisma) => {
      const [row] = await prisma.$queryRaw<GrantHolder[]>`
        SELECT ${holderOf(grant)} FROM restore_request r JOIN customer c ON c.id = r.customer_id
        LEFT JOIN credential k ON k.customer_id = c.id
        WHERE r.challenge_id = ${grant.challengeId}::uuid`
      return row
    }),

  findById: (customerId) =>
    database.query(async (prisma) => {
      const [row] = await prisma.$queryRaw<(Judged & { confirmedEmail: boolean })[]>`
        SELECT ${owner}, EXISTS (
          SELECT 1 FROM identifier i WHERE i.customer_id = c.id AND i.kind = 'email' AND i.verified_at IS NOT NULL
        ) AS "confirmedEmail"
        FROM customer c LEFT JOIN credential k ON k.customer_id = c.id WHERE c.id = ${customerId}`
      return row
    }),

  findForSignIn: ({ kind, value }, lot) =>
    database.query(async (prisma) => {
      // Sorted, both branches are always looked up.
      const [row] = await prisma.$queryRaw<Account[]>`
        SELECT c.id, c.code, c.status = 'blocked' AS blocked, found.named, k.hash, k.must_change AS "mustChange",
          k.temporary_until AS "temporaryUntil", c.session_epoch AS "sessionEpoch", (
            SELECT json_agg(json_build_object('kind', i.kind, 'value', i.value) ORDER BY i.kind, i.id)
            FROM identifier i WHERE i.customer_id = c.id AND i.verified_at IS NOT NULL
          ) AS addresses
        FROM (
          SELECT k.customer_id, true AS named FROM identifier i JOIN credential k ON k.customer_id = i.customer_id
          WHERE i.value = ${value} AND i.kind = ${kind}::identifier_kind AND i.verified_at IS NOT NULL
          UNION ALL
          SELECT coalesce(
            (SELECT customer_id FROM credential WHERE lot >= ${lot}::float8 ORDER BY lot LIMIT 1),
            (SELECT customer_id FROM credential ORDER BY lot LIMIT 1)
          ), false
          ORDER BY named DESC LIMIT 1
        ) found
        JOIN customer c ON c.id = found.customer_id
        JOIN credential k ON k.customer_id = c.id`
      return row
    }),

  async rehash(customerId, from, to) {
    await database.query((prisma) =>
      prisma.credential.updateMany({ where: { customerId, hash: from }, data: { hash: to } }),
    )
  },

  replace: ({ customerId, grant, verifiedHash, hash, temporaryUntil, keptSession, change }, announce, alongside) =>
    database.transaction(async (tx) => {
      // The lock comes first: history digests chain, and a customer's outbox ids follow the order of commits.
      const [customer] = await tx.$queryRaw<LockedRow[]>`
        SELECT code, status = 'blocked' AS blocked, locale, timezone, hold_until AS "holdUntil"
        FROM customer WHERE id = ${customerId} FOR UPDATE`
      if (!customer) throw new Error('the customer is gone')
      await alongside?.(tx)
      if (grant && customer.blocked) throw refuseGrant('blocked')
      if (grant) await spend(tx, grant)
      const isOpen = await endOtherRestores(tx, customerId, grant?.challengeId)
      if (grant?.purpose === 'restore' && !isOpen) throw refuseGrant('ended by another new password')

      const credential = { hash, mustChange: temporaryUntil !== undefined, temporaryUntil: temporaryUntil ?? null }
      await keepFormer(tx, customerId, change.createTime)
      await store(tx, { customerId, ...credential }, verifiedHash)
      const { code, locale, timezone } = customer
      const record = await appendChange(tx, {
        ...change,
        customerId,
        actorId: change.actorId ?? code,
        holdUntil: laterHold(change.holdUntil, customer.holdUntil),
      })
      const sessionEpoch = await endSessions(tx, customerId, { at: record.createTime, kept: keptSession })
      if (record.holdUntil)
        await tx.customer.update({ where: { id: customerId }, data: { holdUntil: record.holdUntil } })
      const addresses = await confirmedAddresses(tx, customerId)
      const events = await announce({
        customer: { id: customerId, code, locale, timezone },
        change: record,
        addresses,
        sessionEpoch,
      })
      await addEvents(tx, code, record.createTime, events)
    }),

  spendTemporary: ({ customer, sessionId, sessionEpoch }, at) =>
    database.transaction(async (tx) => {
      const [owner] = await tx.$queryRaw<{ id: number }[]>`
        SELECT c.id FROM customer c JOIN credential k ON k.customer_id = c.id
        WHERE c.code = ${customer} AND c.session_epoch = ${sessionEpoch} AND k.temporary_until > ${usedUp}
        FOR UPDATE OF c`
      if (!owner) return false
      await tx.credential.update({ where: { customerId: owner.id }, data: { temporaryUntil: usedUp } })
      await endSessions(tx, owner.id, { at, kept: sessionId })
      return true
    }),
})

/** Deletes spent tokens that have expired on every machine's clock. */
export const deleteExpiredTokens =
  (loops: Database): Deletion =>
  (now, limit) =>
    deleteOldest(loops, { table: 'spent_token', column: 'expires_at' }, new Date(now.getTime() - clockSlackMs), limit)
