import { type Veto, type WaitingRestoreNotice, waitingRestoreClaimHours } from '@rekey/contracts'
import t from 'tap'
import { begin, dueAt, endWait, isOpen, maySetPassword, open, stateAt, type WaitingRestore } from './waiting-restore.ts'

const hourMs = 3_600_000
const waitMs = 24 * hourMs
const start = Date.parse('2026-11-26T12:00:00Z')

type Act =
  | { act: 'clock'; hours: number }
  | { act: 'open'; kind: 'email' | 'phone' }
  | { act: 'tick' }
  | { act: 'set'; kind: 'email' | 'phone'; own?: boolean }
  | { act: 'veto'; by: Veto }
  | { act: 'end_wait' }

const acts: Act[] = [
  { act: 'clock', hours: 11 },
  { act: 'clock', hours: 13 },
  { act: 'clock', hours: 97 },
  { act: 'clock', hours: -30 },
  { act: 'open', kind: 'email' },
  { act: 'open', kind: 'phone' },
  { act: 'tick' },
  { act: 'set', kind: 'email' },
  { act: 'set', kind: 'phone' },
  { act: 'set', kind: 'email', own: true },
  { act: 'veto', by: 'link' },
  { act: 'veto', by: 'block' },
  { act: 'veto', by: 'staff' },
  { act: 'end_wait' },
]

/** The functions of the machine, with a list in place of the table. */
class Machine {
  at = start
  restores: WaitingRestore[] = []

  private get last(): WaitingRestore | undefined {
    return this.restores.at(-1)
  }

  private end(state: 'completed' | 'vetoed' | 'expired', vetoedBy: Veto | null = null) {
    const { last } = this
    if (last) this.restores.splice(-1, 1, { ...last, state, finishedAt: new Date(this.at), vetoedBy })
  }

  private opening(kind: 'email' | 'phone'): string {
    const at = new Date(this.at)
    const opening = open(this.last, { kind, at, waitMs })
    if (opening.result === 'refused') return opening.reason
    if (opening.result === 'waits') return 'waits'
    if (this.last?.state === 'waiting') this.end('expired')
    const id = `${this.restores.length}`
    const about = {
      id,
      state: 'waiting' as const,
      kind,
      challengeId: `own${id}`,
      clientId: 'c',
      ip: '::1',
      changeId: 1,
    }
    this.restores.push({ ...about, ...begin(at, waitMs), finishedAt: null, vetoedBy: null, endedEarlyAt: null })
    return 'opened'
  }

  private tick(): string {
    const due = this.last ? dueAt(this.last, new Date(this.at)) : { due: 'nothing' as const }
    if (due.due === 'expiry') this.end('expired')
    if (due.due !== 'notice' || !this.last) return due.due
    this.restores.splice(-1, 1, { ...this.last, ...due.times })
    return due.notice
  }

  private endWait(): string {
    const { last } = this
    const ending = last ? endWait(last, new Date(this.at)) : { result: 'refused' as const, reason: 'over' as const }
    if (ending.result === 'refused') return ending.reason
    if (last) this.restores.splice(-1, 1, { ...last, ...ending.times })
    return 'wait_ended'
  }

  /** @returns what the act led to */
  run(act: Act): string {
    const at = new Date(this.at)
    const { last } = this
    switch (act.act) {
      case 'clock':
        this.at += act.hours * hourMs
        return 'clock'
      case 'open':
        return this.opening(act.kind)
      case 'tick':
        return this.tick()
      case 'set': {
        const challengeId = act.own ? (last?.challengeId ?? '') : 'another'
        if (!last || !maySetPassword(last, { kind: act.kind, challengeId, at })) return 'refused'
        this.end('completed')
        return 'completed'
      }
      case 'veto':
        if (!last || !isOpen(last, at)) return 'over'
        this.end('vetoed', act.by)
        return 'vetoed'
      case 'end_wait':
        return this.endWait()
    }
  }

  states = () => this.restores.map((restore) => stateAt(restore, new Date(this.at)))
}

/** The rules of S58 in other words: from the times of what happened. */
class Model {
  at = start
  restores: {
    kind: string
    opened: number
    notices: { notice: WaitingRestoreNotice; at: number }[]
    /** When two members of staff ended the wait. */
    cut?: number
    outcome?: { state: string; by?: Veto; at: number }
  }[] = []

  /** The wait, or an hour after the last notice, if that is later. */
  private endOf({ opened, notices, cut }: Model['restores'][number]) {
    if (cut !== undefined) return cut
    const last = notices.find(({ notice }) => notice === 'last')
    return Math.max(opened + waitMs, last ? last.at + hourMs : 0)
  }

  private isOver = (restore: Model['restores'][number]) =>
    this.at >= this.endOf(restore) + waitingRestoreClaimHours * hourMs

  private isReady(restore: Model['restores'][number]) {
    const isTold = restore.cut !== undefined || restore.notices.some(({ notice }) => notice === 'last')
    return isTold && this.at >= this.endOf(restore)
  }

  private get live() {
    const last = this.restores.at(-1)
    return last && !last.outcome && !this.isOver(last) ? last : undefined
  }

  private opening(kind: string): string {
    const last = this.restores.at(-1)
    if (this.live) return this.live.kind === kind ? 'waits' : 'other_method'
    const { outcome } = last ?? {}
    if ((outcome?.by === 'link' || outcome?.by === 'staff') && this.at < outcome.at + waitMs) return 'vetoed'
    if (last && !outcome) last.outcome = { state: 'expired', at: this.at }
    this.restores.push({ kind, opened: this.at, notices: [{ notice: 'opened', at: this.at }] })
    return 'opened'
  }

  private tick(): string {
    const last = this.restores.at(-1)
    if (!last || last.outcome) return 'nothing'
    if (this.isOver(last)) {
      last.outcome = { state: 'expired', at: this.at }
      return 'expiry'
    }
    const sent = last.notices.map(({ notice }) => notice)
    const lastDue = last.opened + waitMs - hourMs
    if (sent.includes('last') || last.cut !== undefined) return 'nothing'
    const notice = this.at >= lastDue ? 'last' : 'half'
    if (notice === 'half' && (sent.includes('half') || this.at < last.opened + waitMs / 2)) return 'nothing'
    last.notices.push({ notice, at: this.at })
    return notice
  }

  run(act: Act): string {
    const { live } = this
    if (act.act === 'clock') {
      this.at += act.hours * hourMs
      return 'clock'
    }
    if (act.act === 'open') return this.opening(act.kind)
    if (act.act === 'tick') return this.tick()
    if (act.act === 'veto') {
      if (!live) return 'over'
      live.outcome = { state: 'vetoed', by: act.by, at: this.at }
      return 'vetoed'
    }
    if (act.act === 'end_wait') {
      if (!live) return 'over'
      if (this.isReady(live)) return 'ready'
      live.cut = this.at
      return 'wait_ended'
    }
    if (!live || !this.isReady(live) || act.own || live.kind !== act.kind) return 'refused'
    live.outcome = { state: 'completed', at: this.at }
    return 'completed'
  }

  states = () =>
    this.restores.map((restore) => {
      if (restore.outcome) return restore.outcome.state
      if (this.isOver(restore)) return 'expired'
      return this.isReady(restore) ? 'ready' : 'waiting'
    })
}

/** Runs a sequence on both. @returns the sequence and both results where they differ */
const difference = (sequence: readonly Act[]): string | undefined => {
  const [machine, model] = [new Machine(), new Model()]
  for (const [index, act] of sequence.entries()) {
    const outcomes = machine.restores.map(({ state }) => state)
    const [got, expected] = [machine, model].map((one) => [one.run(act), ...one.states()].join(' '))
    if (got !== expected) return `${JSON.stringify(sequence.slice(0, index + 1))}: ${got}, not ${expected}`
    const changed = outcomes.find((state, at) => state !== 'waiting' && machine.restores[at]?.state !== state)
    if (changed) return `${JSON.stringify(sequence.slice(0, index + 1))}: an outcome changed`
  }
  return undefined
}

function* sequences(length: number): Generator<Act[]> {
  if (length === 0) {
    yield []
    return
  }
  for (const rest of sequences(length - 1)) for (const act of acts) yield [...rest, act]
}

t.test(
  'S58: every sequence of four acts after an opening leads where the rules say, and an outcome stays',
  async (t) => {
    const differing: string[] = []
    let count = 0
    for (const sequence of sequences(4)) {
      count += 1
      const found = difference([{ act: 'open', kind: 'email' }, ...sequence])
      if (found) differing.push(found)
    }
    t.equal(count, acts.length ** 4)
    t.same(differing.slice(0, 5), [])
  },
)

t.test('S58: so do long sequences, with clocks that are set forward and back', async (t) => {
  let seed = 20_261_127
  /** A linear congruential generator (Numerical Recipes): the same sequences in each run. */
  const next = (below: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
  const differing: string[] = []
  const seen = new Set<string>()
  for (let run = 0; run < 3_000; run += 1) {
    const sequence = Array.from({ length: 40 }, () => acts[next(acts.length)] as Act)
    const found = difference(sequence)
    if (found) differing.push(found)
    const machine = new Machine()
    for (const act of sequence) seen.add(machine.run(act))
  }
  t.same(differing.slice(0, 5), [])
  for (const result of [
    'opened',
    'waits',
    'other_method',
    'vetoed',
    'half',
    'last',
    'expiry',
    'wait_ended',
    'ready',
    'completed',
    'refused',
  ]) {
    t.ok(seen.has(result), `${result} was reached`)
  }
})

t.test('S58: without the last notice no password can be set, and after a late one there is an hour', async (t) => {
  const opened = new Date(start)
  const times = begin(opened, waitMs)
  const restore: WaitingRestore = {
    ...times,
    id: '1',
    state: 'waiting',
    kind: 'email',
    challengeId: 'own',
    clientId: 'c',
    ip: '::1',
    changeId: 1,
    finishedAt: null,
    vetoedBy: null,
    endedEarlyAt: null,
  }
  const late = new Date(start + 30 * hourMs)
  const by = { kind: 'email' as const, challengeId: 'another' }
  t.equal(maySetPassword(restore, { ...by, at: late }), false)
  const due = dueAt(restore, late)
  if (due.due !== 'notice') throw new Error('no notice is due')
  t.equal(due.notice, 'last')
  const told = { ...restore, ...due.times }
  t.equal(maySetPassword(told, { ...by, at: new Date(late.getTime() + hourMs - 1) }), false)
  t.equal(maySetPassword(told, { ...by, at: new Date(late.getTime() + hourMs) }), true)
})

t.test('a wait of an hour has its last notice at half time', async (t) => {
  const times = begin(new Date(start), hourMs)
  const restore = { ...times, state: 'waiting' } as WaitingRestore
  t.same(dueAt(restore, new Date(start + hourMs / 2 - 1)), { due: 'nothing' })
  t.match(dueAt(restore, new Date(start + hourMs / 2)), { notice: 'last', times: { endsAt: times.endsAt } })
})

t.test('0 hours open nothing, also while one waits', async (t) => {
  t.same(open(undefined, { kind: 'email', at: new Date(start), waitMs: 0 }), { result: 'refused', reason: 'off' })
})
