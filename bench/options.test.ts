import t from 'tap'
import { groups } from './groups/groups.ts'
import { readOptions } from './options.ts'

const names = (args: string[]) => {
  const options = readOptions(args, groups)
  return options.help ? [] : [...options.selected]
}

t.test('a figure and a group select the group', async (t) => {
  t.same(names(['a1-cpu']), ['a1'])
  t.same(names(['history', 'a5-rate']), ['history', 'a5'])
})

t.test('--quick leaves out what takes minutes, unless it is named', async (t) => {
  t.notOk(names(['--quick']).includes('data'))
  t.same(names(['--quick', 'data']), ['data'])
  t.ok(names([]).includes('data'))
})

t.test('a wrong argument is refused with what there is', async (t) => {
  t.throws(() => names(['a1-cqu']), /There is no figure a1-cqu.*a1-cpu/s)
  t.throws(() => names(['--quik']), /--quik.*--quick/s)
  t.throws(() => names(['--rounds', 'many']), /whole number/)
  t.throws(() => names(['against']), /--against DIR/)
  t.throws(() => names(['--against', '/nowhere']), /\/nowhere is none/)
})

t.test('no two figures or groups share a name', async (t) => {
  const all = groups.flatMap(({ name, figures }) => [name, ...figures.map((figure) => figure.name)])
  t.equal(new Set(all).size, all.length)
})
