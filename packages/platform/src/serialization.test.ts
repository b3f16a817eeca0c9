import { Type } from '@sinclair/typebox'
import t from 'tap'
import { compileSerializer } from './serialization.ts'

const compile = (schema: object) => compileSerializer({ schema, method: 'GET', url: '/', httpStatus: '200' })

t.test('a schema is compiled once, however many routes answer with it', async (t) => {
  const schema = Type.Object({ id: Type.Integer() })
  t.equal(compile(schema), compile(schema))
})

t.test('equal schemas that are two objects are compiled each', async (t) => {
  const schema = () => Type.Object({ id: Type.Integer() })
  t.not(compile(schema()), compile(schema()))
})

t.test('a serializer writes the fields of its schema alone', async (t) => {
  const [one, other] = [Type.Object({ id: Type.Integer() }), Type.Object({ name: Type.String() })].map(compile)
  t.equal(one?.({ id: 7, name: 'a' }), '{"id":7}')
  t.equal(other?.({ id: 7, name: 'a' }), '{"name":"a"}')
})
