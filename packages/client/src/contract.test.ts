import type { http } from '@rekey/contracts'
import t from 'tap'
import type { Operations } from './index.ts'

// The generated types are those of the contracts' schemas. The compiler proves it: a difference is a type error here.

type Contracts = typeof http
type Route = keyof Contracts

type Typed = { static: unknown }
type BodyOf<Endpoint> = Endpoint extends { body: infer Schema extends Typed } ? Schema['static'] : undefined
type Status<Endpoint, Code extends number> = Endpoint extends { response: { [_ in Code]: infer Schema extends Typed } }
  ? Schema['static']
  : never
type NoContent<Endpoint> = Endpoint extends { response: { 204: unknown } } ? undefined : never
type AnswerOf<Endpoint> = Status<Endpoint, 200> | Status<Endpoint, 202> | NoContent<Endpoint>
type Part<Operation, Name extends string> = Name extends keyof Operation ? Operation[Name] : undefined

/** Fields without a meaning have any value in the schema, and are texts in its type. */
type WithoutIgnored<Body> = { [Name in keyof Body as unknown extends Body[Name] ? never : Name]: Body[Name] }
type Assignable<From, To> = [From] extends [To] ? true : false

/** Bodies that clients may send are accepted, and every answer has the client's type. */
type Proven<R extends Route> = R extends keyof Operations
  ? Assignable<WithoutIgnored<Part<Operations[R], 'body'>>, BodyOf<Contracts[R]>> extends true
    ? Assignable<AnswerOf<Contracts[R]>, Operations[R]['answer']>
    : false
  : false

const proven: { [R in Route]: Proven<R> } = {} as { [R in Route]: true }

t.test('the client has a type of every operation of the contract', async (t) => {
  t.ok(proven)
})
