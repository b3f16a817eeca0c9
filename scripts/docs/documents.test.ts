import t from 'tap'
import { replaceSection } from './documents.ts'

const page =
  '# Page\n\n<!-- one: generated -->\nold\n<!-- end -->\n\nby hand\n\n<!-- two: generated -->\n<!-- end -->\n'

t.test('a generated section is replaced, and the text around it stays', async (t) => {
  t.equal(
    replaceSection(page, 'one', '$1 new'),
    '# Page\n\n<!-- one: generated -->\n\n$1 new\n\n<!-- end -->\n\nby hand\n\n<!-- two: generated -->\n<!-- end -->\n',
  )
})

t.test('a section that the page does not have is an error', async (t) => {
  t.throws(() => replaceSection(page, 'three', ''), { message: 'no section "three"' })
})
