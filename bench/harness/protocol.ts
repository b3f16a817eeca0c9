/** The type of a JSON value; an answer's field must have it. */
export type FieldType = 'string' | 'number' | 'array' | 'object' | 'boolean'

export interface LoadRequest {
  method: 'GET' | 'POST' | 'PUT'
  path: string
  headers?: Record<string, string>
  body?: string
}

/** A right answer; any other voids the round. */
export interface Expected {
  status: number
  /** Fields of the JSON object that must be there. Absent: the body is not read. */
  fields?: Record<string, FieldType>
}

export interface LoadPlan {
  url: string
  /** Sent one after the other, by whichever connection is free, and again from the first. */
  requests: LoadRequest[]
  expected: Expected
  amount: number
  connections: number
  /** Requests a second. Absent: each connection sends its next request once it has an answer. */
  rate?: number
  /** True: the answers come back, in the order of the requests. */
  keepAnswers?: boolean
}

export interface LoadResult {
  seconds: number
  perSecond: number
  p50Ms: number
  p99Ms: number
  /** Describes the first wrong answers, with how many there were. Empty: all were right. */
  wrong: string[]
  /** When each request was sent, in milliseconds of the load process's clock, in order of the requests. */
  sentMs?: number[]
  answers?: Answer[]
}

export interface Answer {
  body: string
  headers: Record<string, string>
}

export interface Mail {
  to: string
  /** When the SMTP server had it whole, in milliseconds of the load process's clock. */
  receivedMs: number
  text: string
}

/** What the load process does on request. */
export interface LoadCommands {
  run(plan: LoadPlan): Promise<LoadResult>
  /** How many mails came since the start. */
  mailCount(): Promise<number>
  /** From now on mails are kept with their text, or only counted. */
  keepMails(keep: boolean): Promise<void>
  /** The kept mails; they are forgotten. */
  takeMails(): Promise<Mail[]>
  smtpPort(): Promise<number>
}

export type Commands = Record<string, (...args: never[]) => Promise<unknown>>

/** What a host process starts. */
export interface Started {
  url: string
  /** What requests are made of: tokens, customers, URLs of stores. */
  facts: Record<string, unknown>
  /** What the host does on request, such as a restart. */
  commands?: Commands
}

/** A call of a function of another process, and its result. */
export interface Call {
  id: number
  name: string
  args: unknown[]
}
export type Reply = { id: number; result?: unknown } | { id: number; error: string }

export interface HostPlan {
  /** A file of bench/contestants. */
  kind: string
  options: Record<string, unknown>
}
