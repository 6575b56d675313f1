/*
 * The Mustache engine: one row per clause of the core specification, in its
 * six chapters (comments, delimiters, interpolation, inverted sections,
 * partials, sections), then what the specification leaves open, what is found
 * wrong and where, and the caps. Covers mustache-parse and escape as well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generator/escape.h"
#include "generator/mustache.h"
#include "lib/json.h"

/* Partials: pairs of name and text. */
struct clause {
	const char *name, *data, *text, *want;
	const char *partials[4];
	bool lenient; /* clauses about names that are not there */
};

#define T(n, d, t, w)                                                          \
	{                                                                      \
		.name = n, .data = d, .text = t, .want = w                     \
	}
#define LENIENT(n, d, t, w)                                                    \
	{                                                                      \
		.name = n, .data = d, .text = t, .want = w, .lenient = true    \
	}
#define P(n, d, t, w, ...)                                                     \
	{                                                                      \
		.name = n, .data = d, .text = t, .want = w, .partials = {      \
			__VA_ARGS__                                            \
		}                                                              \
	}

static const struct clause comments[] = {
    T("a comment inside a line leaves nothing", "{}", "ebb{{! low }}flow",
	"ebbflow"),
    T("a comment may have several lines", "{}", "ebb{{! low\nwater\n}}flow\n",
	"ebbflow\n"),
    T("alone on its line it takes the line along", "{}", "a\n{{! x }}\nb\n",
	"a\nb\n"),
    T("alone and indented too", "{}", "a\n \t {{! x }}\nb\n", "a\nb\n"),
    T("CRLF is one line end", "{}", "a\r\n{{! x }}\r\nb", "a\r\nb"),
    T("alone on the first line", "{}", "  {{! x }}\nb", "b"),
    T("alone on a last line without an end", "{}", "a\n  {{! x }}", "a\n"),
    T("several lines alone", "{}", "a\n{{!\nx\ny\n}}\nb\n", "a\nb\n"),
    T("several lines alone and indented", "{}", "a\n  {{!\n  x\n  }}\nb\n",
	"a\nb\n"),
    T("indented but not alone it keeps its line", "{}", "  7 {{! x }}\n",
	"  7 \n"),
    T("white space around stays", "{}", "ebb {{! x }} flow", "ebb  flow"),
    T("a comment never writes a value", "{\"tide\":1,\"! tide\":2}",
	"<{{! tide }}>", "<>"),
};

static const struct clause delimiters[] = {
    T("a pair may be changed", "{\"t\":\"neap\"}", "{{=<% %>=}}(<%t%>)",
	"(neap)"),
    T("any characters do", "{\"t\":\"neap\"}", "({{=| |=}}|t|)", "(neap)"),
    T("changed outside a section they hold inside",
	"{\"on\":true,\"t\":\"ebb\"}",
	"{{#on}}{{t}} [t] {{/on}}{{=[ ]=}}[#on]{{t}} [t][/on]",
	"ebb [t] {{t}} ebb"),
    T("and inside an inverted one", "{\"on\":false,\"t\":\"ebb\"}",
	"{{^on}}{{t}} [t] {{/on}}{{=[ ]=}}[^on]{{t}} [t][/on]",
	"ebb [t] {{t}} ebb"),
    P("a partial begins with the ordinary ones", "{\"t\":\"ebb\"}",
	"{{>p}}/{{=[ ]=}}[>p]", ".ebb./.ebb.", "p", ".{{t}}."),
    P("what a partial changes ends with it", "{\"t\":\"ebb\"}",
	"{{>p}}/{{t}}.[t]", "ebb!/ebb.[t]", "p", "{{=[ ]=}}[t]!"),
    T("white space around a change stays", "{}", "a {{=@ @=}} b", "a  b"),
    T("white space on its line stays if it is not alone", "{}",
	" a {{=@ @=}}\n", " a \n"),
    T("a change alone takes its line along", "{}", "a\n{{=@ @=}}\nb\n",
	"a\nb\n"),
    T("alone and indented too", "{}", "a\n  {{=@ @=}}\nb\n", "a\nb\n"),
    T("CRLF is one line end", "{}", "a\r\n{{=@ @=}}\r\nb", "a\r\nb"),
    T("alone on the first line", "{}", " {{=@ @=}}\nb", "b"),
    T("alone on a last line without an end", "{}", "a\n {{=@ @=}}", "a\n"),
    T("padding inside is ignored", "{\"t\":1}", "{{=   @    @   =}}@t@", "1"),
    T("the change itself may be changed back", "{\"t\":1}",
	"{{=<% %>=}}<%={{ }}=%>{{t}}<%t%>", "1<%t%>"),
};

static const struct clause interpolation[] = {
    T("text without tags is written as it is", "{}", "{ high } water\n}",
	"{ high } water\n}"),
    T("a name is replaced", "{\"who\":\"moon\"}", "Hello, {{who}}!",
	"Hello, moon!"),
    T("what was written is not read again", "{\"a\":\"{{b}}\",\"b\":\"no\"}",
	"{{a}}:{{{a}}}", "{{b}}:{{b}}"),
    T("a plain tag is escaped", "{\"x\":\"& \\\" < > '\"}", "{{x}}",
	"&amp; &quot; &lt; &gt; &#39;"),
    T("three braces are not", "{\"x\":\"& \\\" < >\"}", "{{{x}}}", "& \" < >"),
    T("an ampersand is not", "{\"x\":\"& \\\" < >\"}", "{{&x}}", "& \" < >"),
    T("a whole number", "{\"n\":85}", "{{n}} m", "85 m"),
    T("a whole number, three braces", "{\"n\":85}", "{{{n}}} m", "85 m"),
    T("a whole number, ampersand", "{\"n\":85}", "{{&n}} m", "85 m"),
    T("a decimal keeps its spelling", "{\"n\":1.210}", "{{n}}", "1.210"),
    T("a decimal, three braces", "{\"n\":1.210}", "{{{n}}}", "1.210"),
    T("a decimal, ampersand", "{\"n\":1.210}", "{{&n}}", "1.210"),
    T("null is nothing", "{\"x\":null}", "({{x}})", "()"),
    T("null, three braces", "{\"x\":null}", "({{{x}}})", "()"),
    T("null, ampersand", "{\"x\":null}", "({{&x}})", "()"),
    LENIENT("a name that is not there", "{}", "({{x}})", "()"),
    LENIENT("not there, three braces", "{}", "({{{x}}})", "()"),
    LENIENT("not there, ampersand", "{}", "({{&x}})", "()"),
    T("a dotted name goes inwards", "{\"a\":{\"b\":\"c\"}}",
	"{{a.b}}={{#a}}{{b}}{{/a}}", "c=c"),
    T("dotted, three braces", "{\"a\":{\"b\":\"<\"}}", "{{{a.b}}}", "<"),
    T("dotted, ampersand", "{\"a\":{\"b\":\"<\"}}", "{{&a.b}}", "<"),
    T("dotted to any depth", "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":\"deep\"}}}}}",
	"{{a.b.c.d.e}}", "deep"),
    LENIENT(
	"a chain that breaks is nothing", "{\"a\":{}}", "({{a.b.c}})", "()"),
    LENIENT("a broken chain is not mended further out",
	"{\"a\":{\"b\":{}},\"c\":{\"d\":\"no\"}}", "({{a.b.c.d}})", "()"),
    T("the first part is found from the innermost",
	"{\"a\":{\"b\":{\"c\":\"in\"}},\"b\":{\"c\":\"out\"}}",
	"{{#a}}{{b.c}}{{/a}}", "in"),
    LENIENT("once found it is not looked for again",
	"{\"a\":{\"b\":{}},\"b\":{\"c\":\"no\"}}", "{{#a}}({{b.c}}){{/a}}",
	"()"),
    LENIENT("a dotted name is never one key", "{\"a.b\":\"no\"}", "({{a.b}})",
	"()"),
    T("a key with a dot masks nothing", "{\"a.b\":\"no\",\"a\":{\"b\":\"c\"}}",
	"({{a.b}})", "(c)"),
    T("a dot is the context itself", "\"moon\"", "Hello, {{.}}!",
	"Hello, moon!"),
    T("a dot is escaped", "\"<&>\"", "{{.}}", "&lt;&amp;&gt;"),
    T("a dot in three braces is not", "\"<&>\"", "{{{.}}}", "<&>"),
    T("a dot with ampersand is not", "\"<&>\"", "{{&.}}", "<&>"),
    T("a dot may be a number", "85", "{{.}}", "85"),
    T("white space around stays", "{\"s\":\"-\"}", "| {{s}} |", "| - |"),
    T("around three braces", "{\"s\":\"-\"}", "| {{{s}}} |", "| - |"),
    T("around an ampersand", "{\"s\":\"-\"}", "| {{&s}} |", "| - |"),
    T("alone on a line it keeps the line", "{\"s\":\"-\"}", "  {{s}}\n",
	"  -\n"),
    T("three braces alone", "{\"s\":\"-\"}", "  {{{s}}}\n", "  -\n"),
    T("ampersand alone", "{\"s\":\"-\"}", "  {{&s}}\n", "  -\n"),
    T("padding inside is ignored", "{\"s\":\"-\"}", "|{{ s }}|", "|-|"),
    T("padding in three braces", "{\"s\":\"-\"}", "|{{{ s }}}|", "|-|"),
    T("padding after an ampersand", "{\"s\":\"-\"}", "|{{& s }}|", "|-|"),
    T("a line break is padding too", "{\"s\":\"-\"}", "|{{\n\ts\r\n}}|", "|-|"),
};

static const struct clause inverted[] = {
    T("false writes it", "{\"x\":false}", "<{{^x}}in{{/x}}>", "<in>"),
    T("true leaves it out", "{\"x\":true}", "<{{^x}}in{{/x}}>", "<>"),
    T("null writes it", "{\"x\":null}", "<{{^x}}in{{/x}}>", "<in>"),
    T("a table leaves it out", "{\"x\":{\"n\":1}}", "<{{^x}}{{n}}{{/x}}>",
	"<>"),
    T("a list leaves it out", "{\"x\":[{\"n\":1},{\"n\":2}]}",
	"<{{^x}}{{n}}{{/x}}>", "<>"),
    T("an empty list writes it", "{\"x\":[]}", "<{{^x}}in{{/x}}>", "<in>"),
    T("several of one name", "{\"x\":false,\"y\":2}",
	"{{^x}}\n1\n{{/x}}\n{{y}}\n{{^x}}\n3\n{{/x}}\n", "1\n2\n3\n"),
    T("inside each other, false", "{\"x\":false}",
	"a{{^x}}b{{^x}}c{{/x}}d{{/x}}e", "abcde"),
    T("inside each other, true", "{\"x\":true}",
	"a{{^x}}b{{^x}}c{{/x}}d{{/x}}e", "ae"),
    LENIENT("a name that is not there writes it", "{}", "[{{^x}}none{{/x}}]",
	"[none]"),
    T("dotted, true", "{\"a\":{\"b\":true}}", "<{{^a.b}}in{{/a.b}}>", "<>"),
    T("dotted, false", "{\"a\":{\"b\":false}}", "<{{^a.b}}in{{/a.b}}>", "<in>"),
    LENIENT("dotted, not there", "{\"a\":{}}", "<{{^a.b}}in{{/a.b}}>", "<in>"),
    T("white space around stays", "{\"x\":false}", " {{^x}}\t|\t{{/x}} \n",
	" \t|\t \n"),
    T("white space inside stays", "{\"x\":false}",
	" |{{^x}} {{! gap }}\n {{/x}} | \n", " | \n  | \n"),
    T("indented but not alone", "{\"x\":false}",
	" {{^x}}NO{{/x}}\n {{^x}}WAY{{/x}}\n", " NO\n WAY\n"),
    T("alone it takes its line along", "{\"x\":false}",
	"|a\n{{^x}}\n|\n{{/x}}\n|b\n", "|a\n|\n|b\n"),
    T("alone and indented", "{\"x\":false}", "|a\n  {{^x}}\n|\n\t{{/x}}\n|b\n",
	"|a\n|\n|b\n"),
    T("CRLF is one line end", "{\"x\":false}", "|\r\n{{^x}}\r\n{{/x}}\r\n|",
	"|\r\n|"),
    T("alone on the first line", "{\"x\":false}", "  {{^x}}\n^{{/x}}\n/",
	"^\n/"),
    T("alone on a last line without an end", "{\"x\":false}",
	"^{{^x}}\n/\n  {{/x}}", "^\n/\n"),
    T("padding inside is ignored", "{\"x\":false}", "|{{^ x }}={{/ x }}|",
	"|=|"),
};

static const struct clause partials[] = {
    P("a partial is put in", "{}", "[{{>p}}]", "[from p]", "p", "from p"),
    LENIENT("one that is not there is nothing", "{}", "[{{>p}}]", "[]"),
    P("it sees the context it stands in", "{\"a\":{\"t\":\"ebb\"}}",
	"{{#a}}{{>p}}{{/a}}", "*ebb*", "p", "*{{t}}*"),
    P("it may name itself",
	"{\"c\":\"X\",\"n\":[{\"c\":\"Y\",\"n\":[{\"c\":\"Z\",\"n\":[]}]}]}",
	"{{>node}}", "X<Y<Z<>>>", "node", "{{c}}<{{#n}}{{>node}}{{/n}}>"),
    P("it may hold another", "{\"a\":\"in\"}", "{{>outer}}", "*in* !", "outer",
	"*{{a}}* {{>inner}}", "inner", "!"),
    P("white space around stays", "{}", "| {{>p}} |", "| \t|\t |", "p",
	"\t|\t"),
    P("not alone its lines are not indented", "{\"d\":\"|\"}",
	"  {{d}}  {{> p}}\n", "  |  >\n>\n", "p", ">\n>"),
    P("CRLF is one line end", "{}", "|\r\n{{>p}}\r\n|", "|\r\n>|", "p", ">"),
    P("alone on the first line", "{}", "  {{>p}}\n>", "  >\n  >>", "p", ">\n>"),
    P("alone on a last line without an end", "{}", ">\n  {{>p}}", ">\n  >\n  >",
	"p", ">\n>"),
    P("alone each line of its text is indented, no value is",
	"{\"c\":\"<\\n->\"}", "\\\n {{>p}}\n/\n", "\\\n |\n <\n->\n |\n/\n",
	"p", "|\n{{{c}}}\n|\n"),
    P("padding inside is ignored", "{}", "|{{> p }}|", "|[]|", "p", "[]"),
    P("indentations add up", "{}", " {{>a}}\n", " a\n   b\n   b\n", "a",
	"a\n  {{>b}}\n", "b", "b\nb\n"),
    P("a name may have slashes and dots", "{}", "{{>a/b.c}}", "x", "a/b.c",
	"x"),
    P("tags inside it may stand alone", "{\"on\":true}", "  {{>p}}\n", "  in\n",
	"p", "{{#on}}\nin\n{{/on}}\n"),
    P("an empty line stays empty", "{}", "  {{>p}}\n", "  a\n\n\r\n  b\n", "p",
	"a\n\n\r\nb\n"),
};

static const struct clause sections[] = {
    T("true writes it", "{\"x\":true}", "<{{#x}}in{{/x}}>", "<in>"),
    T("false leaves it out", "{\"x\":false}", "<{{#x}}in{{/x}}>", "<>"),
    T("null leaves it out", "{\"x\":null}", "<{{#x}}in{{/x}}>", "<>"),
    T("a table becomes the context", "{\"x\":{\"n\":\"Joe\"}}",
	"<{{#x}}Hi {{n}}.{{/x}}>", "<Hi Joe.>"),
    T("outer names are still seen",
	"{\"a\":\"out\",\"b\":\"far\",\"s\":{\"b\":\"in\",\"t\":{\"a\":"
	"\"deep\"}}}",
	"{{#s}}{{a}}, {{b}}, {{t.a}}{{/s}}", "out, in, deep"),
    T("a plain value is the context too", "{\"x\":\"bar\"}",
	"{{#x}}{{.}} is {{x}}{{/x}}", "bar is bar"),
    T("lists of lists see their own names",
	"{\"as\":[{\"a\":1,\"bs\":[{\"b\":2,\"cs\":[{\"c\":3},{\"c\":4}]}]}]}",
	"{{#as}}{{a}}{{#bs}}{{b}}{{#cs}}.{{c}}{{/cs}}{{a}}{{/bs}}{{/as}}",
	"12.3.41"),
    T("contexts stack as deep as they go",
	"{\"a\":{\"one\":1},\"b\":{\"two\":2},\"c\":{\"three\":3,\"d\":{"
	"\"four\":4}}}",
	"{{#a}}{{one}}{{#b}}{{one}}{{two}}{{#c}}{{one}}{{two}}{{three}}"
	"{{#d}}{{one}}{{two}}{{three}}{{four}}{{/d}}{{three}}{{/c}}{{two}}"
	"{{/b}}{{one}}{{/a}}",
	"1121231234321"),
    T("a list is gone through", "{\"x\":[{\"n\":1},{\"n\":2},{\"n\":3}]}",
	"{{#x}}{{n}};{{/x}}", "1;2;3;"),
    T("an empty list leaves it out", "{\"x\":[]}", "<{{#x}}in{{/x}}>", "<>"),
    T("several of one name", "{\"x\":true,\"y\":2}",
	"{{#x}}\n1\n{{/x}}\n{{y}}\n{{#x}}\n3\n{{/x}}\n", "1\n2\n3\n"),
    T("inside each other, true", "{\"x\":true}",
	"a{{#x}}b{{#x}}c{{/x}}d{{/x}}e", "abcde"),
    T("inside each other, false", "{\"x\":false}",
	"a{{#x}}b{{#x}}c{{/x}}d{{/x}}e", "ae"),
    LENIENT("a name that is not there leaves it out", "{}",
	"[{{#x}}found{{/x}}]", "[]"),
    T("a dot is each text of a list", "{\"x\":[\"a\",\"b\",\"c\"]}",
	"{{#x}}({{.}}){{/x}}", "(a)(b)(c)"),
    T("each whole number", "{\"x\":[1,2,30]}", "{{#x}}({{.}}){{/x}}",
	"(1)(2)(30)"),
    T("each decimal", "{\"x\":[1.10,2.20]}", "{{#x}}({{.}}){{/x}}",
	"(1.10)(2.20)"),
    T("each list in a list", "{\"x\":[[1,2],[\"a\",\"b\"]]}",
	"{{#x}}({{#.}}{{.}}{{/.}}){{/x}}", "(12)(ab)"),
    T("a dot of a list is escaped", "{\"x\":[\"&\",\"<\"]}",
	"{{#x}}({{.}}){{/x}}", "(&amp;)(&lt;)"),
    T("three braces are not", "{\"x\":[\"&\",\"<\"]}", "{{#x}}({{{.}}}){{/x}}",
	"(&)(<)"),
    T("ampersand is not", "{\"x\":[\"&\",\"<\"]}", "{{#x}}({{&.}}){{/x}}",
	"(&)(<)"),
    T("the data itself may be a list", "[{\"n\":\"a\"},{\"n\":\"b\"}]",
	"{{#.}}({{n}}){{/.}}", "(a)(b)"),
    T("dotted, true", "{\"a\":{\"b\":true}}", "<{{#a.b}}in{{/a.b}}>", "<in>"),
    T("dotted, false", "{\"a\":{\"b\":false}}", "<{{#a.b}}in{{/a.b}}>", "<>"),
    LENIENT("dotted, not there", "{\"a\":{}}", "<{{#a.b}}in{{/a.b}}>", "<>"),
    T("white space around stays", "{\"x\":true}", " {{#x}}\t|\t{{/x}} \n",
	" \t|\t \n"),
    T("white space inside stays", "{\"x\":true}",
	" |{{#x}} {{! gap }}\n {{/x}} | \n", " | \n  | \n"),
    T("indented but not alone", "{\"x\":true}",
	" {{#x}}YES{{/x}}\n {{#x}}GOOD{{/x}}\n", " YES\n GOOD\n"),
    T("alone it takes its line along", "{\"x\":true}",
	"|a\n{{#x}}\n|\n{{/x}}\n|b\n", "|a\n|\n|b\n"),
    T("alone and indented", "{\"x\":true}", "|a\n  {{#x}}\n|\n\t{{/x}}\n|b\n",
	"|a\n|\n|b\n"),
    T("CRLF is one line end", "{\"x\":true}", "|\r\n{{#x}}\r\n{{/x}}\r\n|",
	"|\r\n|"),
    T("alone on the first line", "{\"x\":true}", "  {{#x}}\n#{{/x}}\n/",
	"#\n/"),
    T("alone on a last line without an end", "{\"x\":true}",
	"#{{#x}}\n/\n  {{/x}}", "#\n/\n"),
    T("padding inside is ignored", "{\"x\":true}", "|{{# x }}={{/ x }}|",
	"|=|"),
};

/* Where the specification leaves the choice to us (mustache.h). */
static const struct clause choices[] = {
    T("an empty text is false", "{\"x\":\"\"}", "{{#x}}y{{/x}}{{^x}}n{{/x}}",
	"n"),
    T("zero is something", "{\"x\":0}", "{{#x}}y{{/x}}{{^x}}n{{/x}}", "y"),
    T("an empty table is something", "{\"x\":{}}", "{{#x}}y{{/x}}{{^x}}n{{/x}}",
	"y"),
    T("true and false are written", "{\"t\":true,\"f\":false}", "{{t}} {{f}}",
	"true false"),
    T("20 digits lose nothing", "{\"n\":12345678901234567890}", "{{n}}",
	"12345678901234567890"),
    T("null in a list", "[null,1]", "{{#.}}({{.}}){{/.}}", "()(1)"),
    T("an indented section in a table", "{\"r\":[1,2]}",
	"<ul>\n  {{#r}}\n  <li>{{.}}\n  {{/r}}\n</ul>\n",
	"<ul>\n  <li>1\n  <li>2\n</ul>\n"),
    T("two tags on a line are not alone", "{\"x\":true}", "{{#x}}{{/x}}\n|",
	"\n|"),
    T("a lone brace is text", "{\"x\":1}", "{ {x} {{x}} }}", "{ {x} 1 }}"),
    T("empty template", "{}", "", ""),
    T("names are bytes", "{\"größe\":\"2 m\"}", "{{größe}}", "2 m"),
};

static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static struct value *data_of(const char *json)
{
	struct value *v;

	assert_int_equal(
	    json_read(&arena, str_of(json), 1 << 20, "data.json", NULL, &v),
	    ERR_OK);
	return v;
}

static bool from_pairs(
    void *ctx, struct str name, struct str *text, const char **file)
{
	const char *const *pairs = ctx;

	for (; *pairs; pairs += 2)
		if (str_is(name, pairs[0])) {
			*text = str_of(pairs[1]);
			*file = pairs[0];
			return true;
		}
	return false;
}

static void walk(const struct clause *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct clause *c = &rows[i];
		const char *pairs[5] = {0};
		memcpy(pairs, c->partials, sizeof(c->partials));
		struct mustache_options options = {.escape = ESCAPE_HTML,
		    .lenient = c->lenient,
		    .partial = from_pairs,
		    .ctx = pairs};
		struct buf out = {0};
		struct diag diag;
		diag_init(&diag, &arena);
		enum err err = mustache_render(&arena, str_of(c->text), "t",
		    data_of(c->data), &options, &diag, &out, NULL);
		if (err || !str_is(buf_str(&out), c->want)) {
			diag_print(&diag, stderr);
			fail_msg("%s: %s: got <%.*s>, want <%s>", c->name,
			    err_name(err), STR_ARG(buf_str(&out)), c->want);
		}
		assert_int_equal(diag.errors, 0);
		/* what was there before stays in front */
		buf_release(&out);
		arena_reset(&arena);
	}
}

#define WALK(chapter)                                                          \
	static void test_##chapter(void **state)                               \
	{                                                                      \
		(void)state;                                                   \
		walk(chapter, sizeof(chapter) / sizeof(chapter[0]));           \
	}
WALK(comments)
WALK(delimiters)
WALK(interpolation)
WALK(inverted)
WALK(partials)
WALK(sections)
WALK(choices)

/* What is found, as `file:line:col name` in order, `;` between. */
struct finding {
	const char *data, *text;
	enum err err;
	const char *want;
	const char *partials[4];
};

#define F(d, t, e, w)                                                          \
	{                                                                      \
		.data = d, .text = t, .err = e, .want = w                      \
	}
#define FP(d, t, e, w, ...)                                                    \
	{                                                                      \
		.data = d, .text = t, .err = e, .want = w, .partials = {       \
			__VA_ARGS__                                            \
		}                                                              \
	}

static const struct finding findings[] = {
    F("{}", "a\n  {{x}}", ERR_INPUT, "t:2:3 unknown-name"),
    F("{}", "{{x}} {{y.z}}", ERR_INPUT,
	"t:1:1 unknown-name; t:1:7 unknown-name"),
    F("{\"a\":{}}", "{{a.b}}", ERR_INPUT, "t:1:1 unknown-name"),
    F("{\"a\":\"s\"}", "{{a.b}}", ERR_INPUT, "t:1:1 unknown-name"),
    F("{\"a\":null}", "{{a}}{{a.b}}", ERR_INPUT, "t:1:6 unknown-name"),
    F("{\"a.b\":1}", "{{a.b}}", ERR_INPUT, "t:1:1 unknown-name"),
    F("{}", "{{#x}}{{y}}{{/x}}", ERR_INPUT, "t:1:1 unknown-name"),
    F("{}", "{{^x}}{{y}}{{/x}}", ERR_INPUT, "t:1:1 unknown-name"),
    F("[1,2,3]", "{{#.}}{{x}}{{/.}}", ERR_INPUT, "t:1:7 unknown-name"),
    F("{\"x\":{}}", "{{x}}", ERR_INPUT, "t:1:1 not-text"),
    F("{\"x\":[1]}", "{{{x}}}", ERR_INPUT, "t:1:1 not-text"),
    F("{}", "{{>p}}\n{{>p}}", ERR_INPUT,
	"t:1:1 missing-partial; t:2:1 missing-partial"),
    F("{\"x\":false}", "{{#x}}{{>p}}{{/x}}", ERR_INPUT,
	"t:1:7 missing-partial"),
    FP("{}", "\n  {{>p}}\n", ERR_INPUT, "p:2:4 unknown-name", "p",
	"ok\n   {{x}}\n"),
    FP("{}", "{{>p}}", ERR_INPUT, "p:1:1 missing-partial", "p", "{{>q}}"),
    FP("{}", "{{>p}}", ERR_SYNTAX, "p:1:3 template-syntax", "p", "ab{{#x}}"),
    F("{}", "a{{x", ERR_SYNTAX, "t:1:2 template-syntax"),
    F("{}", "a{{", ERR_SYNTAX, "t:1:2 template-syntax"),
    F("{}", "{{! never ends }", ERR_SYNTAX, "t:1:1 template-syntax"),
    F("{}", "{{{x}}", ERR_SYNTAX, "t:1:1 template-syntax"),
    F("{}", "{{x\n{{y}}", ERR_SYNTAX, "t:1:1 template-syntax"),
    F("{}", "{{a {{b {{c", ERR_SYNTAX,
	"t:1:1 template-syntax; t:1:5 template-syntax; t:1:9 template-syntax"),
    F("{}", "{{}}{{ }}{{#}}{{>}}", ERR_SYNTAX,
	"t:1:1 template-syntax; t:1:5 template-syntax; t:1:10 template-syntax; "
	"t:1:15 template-syntax"),
    F("{}", "{{a b}}", ERR_SYNTAX, "t:1:1 template-syntax"),
    F("{}", "{{a..b}}{{.a}}{{a.}}", ERR_SYNTAX,
	"t:1:1 template-syntax; t:1:9 template-syntax; t:1:15 template-syntax"),
    F("{}", "{{#x}}\n{{#y}}", ERR_SYNTAX,
	"t:2:1 template-syntax; t:1:1 template-syntax"),
    F("{}", "{{/x}}", ERR_SYNTAX, "t:1:1 template-syntax"),
    F("{}", "{{#x}}{{/y}}{{/x}}", ERR_SYNTAX, "t:1:7 template-syntax"),
    F("{}", "{{#x}}{{#y}}{{/x}}", ERR_SYNTAX, "t:1:7 template-syntax"),
    F("{}", "{{=x=}}{{==}}{{= a b c =}}{{=a= b=}}", ERR_SYNTAX,
	"t:1:1 template-syntax; t:1:8 template-syntax; t:1:14 template-syntax; "
	"t:1:27 template-syntax"),
    F("{}", "{{=<% %>", ERR_SYNTAX, "t:1:1 template-syntax"),
    F("{}", "{{#a}}{{x y}}{{/a}}{{b", ERR_SYNTAX,
	"t:1:7 template-syntax; t:1:20 template-syntax"),
    FP("{}", "{{>p}}", ERR_TOO_LARGE, "p:1:1 template-too-deep", "p", "{{>p}}"),
    FP("{}", "{{>p}}", ERR_TOO_LARGE, "q:1:1 template-too-deep", "p",
	"{{>q}}{{>q}}", "q", "{{>p}}{{>p}}"),
};

static struct str listed(const struct diag *diag)
{
	struct buf out = {0};

	for (const struct diag_item *i = diag->first; i; i = i->next)
		buf_printf(&out, "%s%s:%u:%u %s", i == diag->first ? "" : "; ",
		    i->pos.file ? i->pos.file : "-", i->pos.line, i->pos.col,
		    i->name);
	struct str text = arena_str(&arena, buf_str(&out));
	buf_release(&out);
	return text;
}

static enum err run(const char *data, struct str text,
    const struct mustache_options *options, struct diag *diag, struct str *out)
{
	struct buf buf = {0};

	diag_init(diag, &arena);
	enum err err = mustache_render(
	    &arena, text, "t", data_of(data), options, diag, &buf, NULL);
	*out = arena_str(&arena, buf_str(&buf));
	buf_release(&buf);
	return err;
}

static void test_findings(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(findings) / sizeof(findings[0]); i++) {
		const struct finding *f = &findings[i];
		const char *pairs[5] = {0};
		memcpy(pairs, f->partials, sizeof(f->partials));
		struct mustache_options options = {
		    .escape = ESCAPE_HTML, .partial = from_pairs, .ctx = pairs};
		struct diag diag;
		struct str out;
		enum err err =
		    run(f->data, str_of(f->text), &options, &diag, &out);
		struct str got = listed(&diag);
		if (err != f->err || !str_is(got, f->want))
			fail_msg("<%s>: %s, <%.*s>, want <%s>", f->text,
			    err_name(err), STR_ARG(got), f->want);
		arena_reset(&arena);
	}
}

static void test_says_what_is_known(void **state)
{
	(void)state;
	struct mustache_options options = {.escape = ESCAPE_HTML};
	struct diag diag;
	struct str out;
	assert_int_equal(run("{\"public\":{\"help\":1,\"name\":2}}",
			     STR("{{public.hepl}}"), &options, &diag, &out),
	    ERR_INPUT);
	assert_string_equal(diag.first->text.p,
	    "there is no `hepl` in `public.hepl`; known here: help, name");
}

/* Bytes that are not text come through; NUL and broken UTF-8 too. */
static void test_stray_bytes(void **state)
{
	(void)state;
	static const char text[] = "a\0b\xff\xfe{{x}}\0\x80";
	struct mustache_options options = {.escape = ESCAPE_HTML};
	struct diag diag;
	struct str out;
	struct str in = {.p = text, .n = sizeof(text) - 1};
	assert_int_equal(
	    run("{\"x\":\"-\"}", in, &options, &diag, &out), ERR_OK);
	assert_int_equal(out.n, 8);
	assert_memory_equal(out.p, "a\0b\xff\xfe-\0\x80", 8);
	in = (struct str){.p = "{{a\0b}}", .n = 7};
	assert_int_equal(run("{}", in, &options, &diag, &out), ERR_SYNTAX);
	in = (struct str){.p = "{{\0}}", .n = 5};
	assert_int_equal(run("{}", in, &options, &diag, &out), ERR_SYNTAX);
}

static void test_output_cap(void **state)
{
	(void)state;
	struct mustache_options options = {
	    .escape = ESCAPE_HTML, .output_max = 1000};
	struct diag diag;
	struct str out;
	/* 10^4 × 10 bytes */
	const char *data = "{\"x\":[1,2,3,4,5,6,7,8,9,0]}";
	struct str bomb = STR("{{#x}}{{#x}}{{#x}}{{#x}}0123456789"
			      "{{/x}}{{/x}}{{/x}}{{/x}}");
	assert_int_equal(run(data, bomb, &options, &diag, &out), ERR_TOO_LARGE);
	assert_string_equal(diag.first->name, "template-too-large");
	assert_int_equal(diag.errors, 1);
	assert_true(out.n <= 1010);
}

/* Loops without output end as well: 10^20 rounds are not gone through. */
static void test_step_cap(void **state)
{
	(void)state;
	struct mustache_options options = {.escape = ESCAPE_HTML};
	struct buf text = {0};
	struct diag diag;
	struct str out;
	for (int i = 0; i < 20; i++)
		buf_puts(&text, "{{#x}}");
	for (int i = 0; i < 20; i++)
		buf_puts(&text, "{{/x}}");
	assert_int_equal(run("{\"x\":[1,2,3,4,5,6,7,8,9,0]}", buf_str(&text),
			     &options, &diag, &out),
	    ERR_TOO_LARGE);
	assert_string_equal(diag.first->name, "template-too-large");
	buf_release(&text);
}

/* Sections one by one deeper: 64 are allowed, 65 are not. */
static void test_depth(void **state)
{
	(void)state;
	for (int depth = MUSTACHE_DEPTH_MAX; depth <= MUSTACHE_DEPTH_MAX + 1;
	     depth++) {
		struct mustache_options options = {.escape = ESCAPE_HTML};
		struct buf text = {0};
		struct diag diag;
		struct str out;
		for (int i = 0; i < depth; i++)
			buf_puts(&text, "{{#x}}");
		buf_puts(&text, "!");
		for (int i = 0; i < depth; i++)
			buf_puts(&text, "{{/x}}");
		enum err err =
		    run("{\"x\":1}", buf_str(&text), &options, &diag, &out);
		if (depth == MUSTACHE_DEPTH_MAX) {
			assert_int_equal(err, ERR_OK);
			assert_true(str_is(out, "!"));
		} else {
			assert_int_equal(err, ERR_TOO_LARGE);
			assert_string_equal(
			    listed(&diag).p, "t:1:385 template-too-deep");
		}
		buf_release(&text);
	}
}

/* A wide indentation before many short lines would be terabytes. */
static void test_indentation_bomb(void **state)
{
	(void)state;
	size_t n = (size_t)1 << 19;
	char *lines = malloc(2 * n + 1), *text = malloc(n + 16);
	assert_non_null(lines);
	assert_non_null(text);
	for (size_t i = 0; i < n; i++)
		memcpy(lines + 2 * i, "a\n", 2);
	lines[2 * n] = '\0';
	memset(text, ' ', n);
	memcpy(text + n, "{{>p}}\n", 8);
	const char *pairs[] = {"p", lines, NULL, NULL};
	struct mustache_options options = {
	    .escape = ESCAPE_HTML, .partial = from_pairs, .ctx = pairs};
	struct diag diag;
	struct str out;
	assert_int_equal(
	    run("{}", str_of(text), &options, &diag, &out), ERR_TOO_LARGE);
	assert_string_equal(listed(&diag).p, "t:1:524289 template-too-large");
	free(lines);
	free(text);
}

/* A megabyte of tags that never end is read in one pass, not in n². */
static void test_unclosed_bomb(void **state)
{
	(void)state;
	static const char *const pieces[] = {
	    "{{", "{{a ", "{{{", "{{=", "{{! "};
	for (size_t k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++) {
		struct mustache_options options = {.escape = ESCAPE_HTML};
		struct buf text = {0};
		struct diag diag;
		struct str out;
		while (text.len < 1 << 20)
			buf_puts(&text, pieces[k]);
		assert_int_equal(
		    run("{}", buf_str(&text), &options, &diag, &out),
		    ERR_SYNTAX);
		buf_release(&text);
		arena_reset(&arena);
	}
}

static void test_many_partials(void **state)
{
	(void)state;
	struct mustache_options options = {
	    .escape = ESCAPE_HTML, .lenient = true};
	struct buf text = {0};
	struct diag diag;
	struct str out;
	for (int i = 0; i <= MUSTACHE_PARTIALS_MAX; i++)
		buf_printf(&text, "{{>p%d}}", i);
	assert_int_equal(
	    run("{}", buf_str(&text), &options, &diag, &out), ERR_TOO_LARGE);
	buf_release(&text);
}

static void test_env(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool used;
	} rows[] = {
	    {"", false},
	    {"{{site}}", false},
	    {"{{#no}}{{url}}{{/no}}", false},
	    {"{{url}}", true},
	    {"{{{t.in}}}", true},
	    {"{{#url}}x{{/url}}", true},
	    {"{{^url}}x{{/url}}", true},
	    {"{{t.out}}", false},
	};
	struct value *data =
	    data_of("{\"site\":\"s\",\"no\":false,\"url\":\"u\","
		    "\"t\":{\"in\":1,\"out\":2}}");
	value_get(data, "url")->from_env = true;
	value_path(data, "t.in")->from_env = true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mustache_options options = {.escape = ESCAPE_HTML};
		struct buf out = {0};
		bool used = false;
		assert_int_equal(mustache_render(&arena, str_of(rows[i].text),
				     "t", data, &options, NULL, &out, &used),
		    ERR_OK);
		if (used != rows[i].used)
			fail_msg("%s", rows[i].text);
		buf_release(&out);
	}
}

static void test_appends(void **state)
{
	(void)state;
	struct mustache_options options = {.escape = ESCAPE_HTML};
	struct buf out = {0};
	bool used = true;
	buf_puts(&out, "before ");
	assert_int_equal(mustache_render(&arena, STR("{{.}}"), "t",
			     data_of("1"), &options, NULL, &out, &used),
	    ERR_OK);
	assert_string_equal(out.data, "before 1");
	assert_true(used); /* never cleared */
	buf_release(&out);
}

/* What is right is still written when something else is wrong. */
static void test_goes_on(void **state)
{
	(void)state;
	struct mustache_options options = {.escape = ESCAPE_HTML};
	struct diag diag;
	struct str out;
	assert_int_equal(
	    run("{\"a\":1}", STR("{{a}}{{b}}{{a}}"), &options, &diag, &out),
	    ERR_INPUT);
	assert_true(str_is(out, "11"));
}

#define S(literal)                                                             \
	{                                                                      \
		.p = literal, .n = sizeof(literal) - 1                         \
	}
static void test_escapes(void **state)
{
	(void)state;
	static const struct {
		enum mustache_escape how;
		struct str in;
		const char *want;
		bool ok;
	} rows[] = {
	    {ESCAPE_NONE, S("<&\"'\\$"), "<&\"'\\$", true},
	    {ESCAPE_HTML, S("<&\"'>ü"), "&lt;&amp;&quot;&#39;&gt;ü", true},
	    {ESCAPE_HTML, S(""), "", true},
	    {ESCAPE_JS, S("a\"b'c`d\\"), "a\\u0022b\\u0027c\\u0060d\\u005c",
		true},
	    {ESCAPE_JS, S("</script>"), "\\u003c/script\\u003e", true},
	    {ESCAPE_JS, S("\n\r\0\x7f"), "\\u000a\\u000d\\u0000\\u007f", true},
	    {ESCAPE_JS, S("\u2028\u2029\u2027"), "\\u2028\\u2029\u2027", true},
	    {ESCAPE_JS, S("\xe2\x80"), "\xe2\x80", true},
	    {ESCAPE_JS, S("${x}"), "\\u0024{x}", true},
	    {ESCAPE_JSON, S("a\"b\\c\n"), "a\\\"b\\\\c\\n", true},
	    {ESCAPE_JSON, S(""), "", true},
	    {ESCAPE_JSON, S("\xff"), "\ufffd", true},
	    {ESCAPE_NGINX, S("a\"b\\c"), "a\\\"b\\\\c", true},
	    {ESCAPE_NGINX, S("a\nb\tc\r;{}#"), "a\\nb\\tc\\r;{}#", true},
	    {ESCAPE_NGINX, S("a$b"), "ab", false},
	    {ESCAPE_NGINX, S("a\0b"), "ab", false},
	    {ESCAPE_ROFF, S("a\\b \"c\" 'd' `e`"),
		"a\\eb \\(dqc\\(dq \\(aqd\\(aq \\(gae\\(ga", true},
	    {ESCAPE_ROFF, S(".Nm"), "\\&.Nm", true},
	    {ESCAPE_ROFF, S("'br"), "\\&\\(aqbr", true},
	    {ESCAPE_ROFF, S("a.b"), "a.b", true},
	    {ESCAPE_ROFF, S("a\n.b\x7f"), "a.b", false},
	    {ESCAPE_ROFF, S(""), "", true},
	    {ESCAPE_SHELL, S("it's $HOME\n\\"), "it'\\''s $HOME\n\\", true},
	    {ESCAPE_SHELL, S("a\0b"), "a", false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf out = {0};
		buf_puts(&out, "|");
		bool ok = escape_put(&out, rows[i].how, rows[i].in);
		if (ok != rows[i].ok || strcmp(out.data + 1, rows[i].want) != 0)
			fail_msg("row %zu: %s", i, out.data);
		buf_release(&out);
	}
	assert_int_equal(escape_named(STR("nginx")), ESCAPE_NGINX);
	assert_int_equal(escape_named(STR("none")), ESCAPE_NONE);
	assert_int_equal(escape_named(STR("toml")), ESCAPE_COUNT);
}

static void test_not_expressible(void **state)
{
	(void)state;
	struct mustache_options options = {.escape = ESCAPE_NGINX};
	struct diag diag;
	struct str out;
	assert_int_equal(
	    run("{\"a\":\"$host\"}", STR("\"{{a}}\""), &options, &diag, &out),
	    ERR_INPUT);
	assert_string_equal(listed(&diag).p, "t:1:2 not-expressible");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_comments),
	    TEST(test_delimiters),
	    TEST(test_interpolation),
	    TEST(test_inverted),
	    TEST(test_partials),
	    TEST(test_sections),
	    TEST(test_choices),
	    TEST(test_findings),
	    TEST(test_says_what_is_known),
	    TEST(test_stray_bytes),
	    TEST(test_output_cap),
	    TEST(test_step_cap),
	    TEST(test_depth),
	    TEST(test_indentation_bomb),
	    TEST(test_unclosed_bomb),
	    TEST(test_many_partials),
	    TEST(test_env),
	    TEST(test_appends),
	    TEST(test_goes_on),
	    TEST(test_escapes),
	    TEST(test_not_expressible),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("mustache", tests, NULL, NULL);
}
