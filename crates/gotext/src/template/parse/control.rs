//! Text and control structures: lists of statements, `if`, `range`, `with`, `define`, `block`, `template`.

use std::mem;

use super::{Element, Ending, Parsed, Parser, TreeState};
use crate::strconv;
use crate::template::lexer::{Item, Kind};
use crate::template::node::{Arm, Branch, Loop, Stmt, TemplateCall};
use crate::template::text::Text;

impl Parser<'_> {
    /// The main template, up to the end of the source.
    pub(super) fn main(&mut self) -> Parsed<Vec<Stmt>> {
        let mut root = Vec::new();
        loop {
            let token = self.peek();
            if token.kind == Kind::Eof {
                return Ok(root);
            }
            if token.kind == Kind::LeftDelim {
                let delim = self.next();
                if self.next_non_space().kind == Kind::Define {
                    self.define()?;
                    continue;
                }
                self.backup2(delim);
            }
            match self.text_or_action()? {
                Element::Stmt(stmt) => root.push(stmt),
                Element::Ending(ending) => return Err(self.fail(format!("unexpected {}", ending.text()))),
            }
        }
    }

    /// Behind the keyword.
    fn define(&mut self) -> Parsed<()> {
        const CONTEXT: &str = "define clause";
        let outer = mem::replace(&mut self.tree, TreeState::new());
        let token = self.next_non_space();
        let name = self.template_name(token, CONTEXT)?;
        self.expect(Kind::RightDelim, CONTEXT)?;
        let (root, ending) = self.list()?;
        if ending != Ending::End {
            return Err(self.fail(format!("unexpected {} in {CONTEXT}", ending.text())));
        }
        self.add(name, root)?;
        self.tree = outer;
        Ok(())
    }

    /// Statements up to `{{end}}` or `{{else}}`.
    fn list(&mut self) -> Parsed<(Vec<Stmt>, Ending)> {
        self.enter()?;
        let mut list = Vec::new();
        while self.peek_non_space().kind != Kind::Eof {
            match self.text_or_action()? {
                Element::Stmt(stmt) => list.push(stmt),
                Element::Ending(ending) => {
                    self.leave();
                    return Ok((list, ending));
                }
            }
        }
        Err(self.fail("unexpected EOF"))
    }

    fn text_or_action(&mut self) -> Parsed<Element> {
        let token = self.next_non_space();
        match token.kind {
            Kind::Text => Ok(Element::Stmt(Stmt::Text {
                pos: token.pos(),
                text: token.span,
            })),
            Kind::LeftDelim => {
                self.tree.action_line = token.line;
                let element = self.action()?;
                self.tree.action_line = 0;
                Ok(element)
            }
            _ => Err(self.unexpected(token, "input")),
        }
    }

    /// Behind the left delimiter.
    fn action(&mut self) -> Parsed<Element> {
        let token = self.next_non_space();
        let stmt = match token.kind {
            Kind::Block => self.block()?,
            Kind::Break => {
                self.loop_control("{{break}}")?;
                Stmt::Break { pos: token.pos() }
            }
            Kind::Continue => {
                self.loop_control("{{continue}}")?;
                Stmt::Continue { pos: token.pos() }
            }
            Kind::Else => {
                let next = self.peek_non_space();
                // `{{else if` and `{{else with` are left to whoever parses the branch.
                if !matches!(next.kind, Kind::If | Kind::With) {
                    self.expect(Kind::RightDelim, "else")?;
                }
                return Ok(Element::Ending(Ending::Else));
            }
            Kind::End => {
                self.expect(Kind::RightDelim, "end")?;
                return Ok(Element::Ending(Ending::End));
            }
            Kind::If => Stmt::If(Box::new(self.branch(Kind::If, "if")?)),
            Kind::Range => Stmt::Range(Box::new(self.range()?)),
            Kind::Template => self.template_call()?,
            Kind::With => Stmt::With(Box::new(self.branch(Kind::With, "with")?)),
            _ => {
                self.backup();
                let pos = self.peek().pos();
                // Variables declared here live until the enclosing `end`.
                Stmt::Action {
                    pos,
                    pipe: self.pipeline("command", Kind::RightDelim)?,
                }
            }
        };
        Ok(Element::Stmt(stmt))
    }

    fn loop_control(&mut self, text: &str) -> Parsed<()> {
        let token = self.next_non_space();
        if token.kind != Kind::RightDelim {
            return Err(self.unexpected(token, text));
        }
        if self.tree.range_depth == 0 {
            return Err(self.fail(format!("{text} outside {{{{range}}}}")));
        }
        Ok(())
    }

    /// Behind `if` or `with`, which `keyword` says.
    fn branch(&mut self, keyword: Kind, context: &str) -> Parsed<Branch> {
        let vars = self.tree.vars.len();
        let mut branch = Branch {
            arms: Vec::new(),
            else_list: None,
        };
        loop {
            let pipe = self.pipeline(context, Kind::RightDelim)?;
            let (list, ending) = self.list()?;
            branch.arms.push(Arm { pipe, list });
            if ending == Ending::End {
                break;
            }
            // Behind `{{else}}`, or behind the `else` of `{{else if` and `{{else with`.
            if self.peek().kind != keyword {
                branch.else_list = Some(self.else_list()?);
                break;
            }
            self.next();
        }
        self.pop_vars(vars);
        Ok(branch)
    }

    /// Behind `range`.
    fn range(&mut self) -> Parsed<Loop> {
        let vars = self.tree.vars.len();
        let pipe = self.pipeline("range", Kind::RightDelim)?;
        self.tree.range_depth += 1;
        let (list, ending) = self.list()?;
        self.tree.range_depth -= 1;
        let else_list = if ending == Ending::Else {
            Some(self.else_list()?)
        } else {
            None
        };
        self.pop_vars(vars);
        Ok(Loop {
            pipe,
            list,
            else_list,
        })
    }

    fn else_list(&mut self) -> Parsed<Vec<Stmt>> {
        let (list, ending) = self.list()?;
        if ending != Ending::End {
            return Err(self.fail(format!("expected end; found {}", ending.text())));
        }
        Ok(list)
    }

    /// Behind `block`: defines a template and calls it.
    fn block(&mut self) -> Parsed<Stmt> {
        const CONTEXT: &str = "block clause";
        let token = self.next_non_space();
        let name = self.template_name(token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Kind::RightDelim)?;
        let outer = mem::replace(&mut self.tree, TreeState::new());
        let (root, ending) = self.list()?;
        if ending != Ending::End {
            // Go reports this one with the line of the block's own clause.
            self.tree = outer;
            return Err(self.fail(format!("unexpected {} in {CONTEXT}", ending.text())));
        }
        self.add(name.clone(), root)?;
        self.tree = outer;
        Ok(Stmt::Template(Box::new(TemplateCall {
            pos: token.pos(),
            name,
            pipe: Some(pipe),
        })))
    }

    /// Behind `template`.
    fn template_call(&mut self) -> Parsed<Stmt> {
        const CONTEXT: &str = "template clause";
        let token = self.next_non_space();
        let name = self.template_name(token, CONTEXT)?;
        let mut pipe = None;
        if self.next_non_space().kind != Kind::RightDelim {
            self.backup();
            pipe = Some(self.pipeline(CONTEXT, Kind::RightDelim)?);
        }
        Ok(Stmt::Template(Box::new(TemplateCall {
            pos: token.pos(),
            name,
            pipe,
        })))
    }

    fn template_name(&mut self, token: Item, context: &str) -> Parsed<Text> {
        if !matches!(token.kind, Kind::String | Kind::RawString) {
            return Err(self.unexpected(token, context));
        }
        let name =
            strconv::unquote(token.span.of(self.source)).map_err(|error| self.fail(error.to_string()))?;
        Ok(Text::from(name))
    }
}
