//! Pipelines: declarations, commands, operands.

use super::{Parsed, Parser};
use crate::strconv;
use crate::template::lexer::{Item, Kind};
use crate::template::node::{Command, Expr, Pipe, Span, VarName};
use crate::template::value::Value;

impl Parser<'_> {
    /// `context` names the construct in errors; `end` is the token that ends the pipeline.
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<Pipe> {
        let first = self.peek_non_space();
        let mut pipe = Pipe {
            pos: first.pos(),
            assign: false,
            decl: Vec::new(),
            cmds: Vec::new(),
        };
        self.declarations(&mut pipe, context)?;
        loop {
            let token = self.next_non_space();
            if token.kind == end {
                self.check_pipeline(&pipe, context)?;
                return Ok(pipe);
            }
            match token.kind {
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.backup();
                    let command = self.command()?;
                    pipe.cmds.push(command);
                }
                _ => return Err(self.unexpected(token, context)),
            }
        }
    }

    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Parsed<()> {
        loop {
            let variable = self.peek_non_space();
            if variable.kind != Kind::Variable {
                return Ok(());
            }
            self.next();
            // In `$x foo` the space must be put back too, as it separates arguments.
            let adjacent = self.peek();
            let next = self.peek_non_space();
            let is_comma = next.kind == Kind::Char && next.span.of(self.source) == b",";
            if matches!(next.kind, Kind::Assign | Kind::Declare) {
                pipe.assign = next.kind == Kind::Assign;
                self.next_non_space();
                self.declaration(pipe, variable);
                return Ok(());
            } else if is_comma {
                self.next_non_space();
                self.declaration(pipe, variable);
                if context == "range" && pipe.decl.len() < 2 {
                    match self.peek_non_space().kind {
                        Kind::Variable | Kind::RightDelim | Kind::RightParen => continue,
                        _ => return Err(self.fail("range can only initialize variables")),
                    }
                }
                return Err(self.fail(format!("too many declarations in {context}")));
            } else if adjacent.kind == Kind::Space {
                self.backup3(variable, adjacent);
            } else {
                self.backup2(variable);
            }
            return Ok(());
        }
    }

    fn declaration(&mut self, pipe: &mut Pipe, variable: Item) {
        let id = self.var_id(variable.span);
        pipe.decl.push(VarName {
            id,
            span: variable.span,
        });
        self.declare(id);
    }

    fn check_pipeline(&self, pipe: &Pipe, context: &str) -> Parsed<()> {
        if pipe.cmds.is_empty() {
            return Err(self.fail(format!("missing value for {context}")));
        }
        for (i, command) in pipe.cmds.iter().enumerate().skip(1) {
            if let Some(
                Expr::Bool { .. }
                | Expr::Dot { .. }
                | Expr::Nil { .. }
                | Expr::Number { .. }
                | Expr::String { .. },
            ) = command.args.first()
            {
                return Err(self.fail(format!("non executable command in pipeline stage {}", i + 1)));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Parsed<Command> {
        let mut command = Command {
            pos: self.peek_non_space().pos(),
            args: Vec::new(),
        };
        loop {
            self.peek_non_space();
            if let Some(operand) = self.operand()? {
                command.args.push(operand);
            }
            let token = self.next();
            match token.kind {
                Kind::Space => {}
                Kind::RightDelim | Kind::RightParen => {
                    self.backup();
                    break;
                }
                Kind::Pipe => break,
                _ => return Err(self.unexpected(token, "operand")),
            }
        }
        if command.args.is_empty() {
            return Err(self.fail("empty command"));
        }
        Ok(command)
    }

    fn operand(&mut self) -> Parsed<Option<Expr>> {
        let Some(term) = self.term()? else {
            return Ok(None);
        };
        let first = self.peek();
        if first.kind != Kind::Field {
            return Ok(Some(term));
        }
        let mut fields = first.span;
        while self.peek().kind == Kind::Field {
            fields = fields.to(self.next().span);
        }
        // Go reports such an operand at its first added field.
        let pos = first.pos();
        Ok(Some(match term {
            Expr::Field { fields: own, .. } => Expr::Field {
                pos,
                fields: own.to(fields),
            },
            Expr::Variable { name, .. } => Expr::Variable { pos, name, fields },
            Expr::Bool { .. }
            | Expr::String { .. }
            | Expr::Number { .. }
            | Expr::Nil { .. }
            | Expr::Dot { .. } => {
                let text = strconv::quote(&term.text(self.source));
                return Err(self.fail(format!("unexpected . after term {text}")));
            }
            term => Expr::Chain {
                pos,
                of: Box::new(term),
                fields,
            },
        }))
    }

    fn term(&mut self) -> Parsed<Option<Expr>> {
        let token = self.next_non_space();
        let pos = token.pos();
        Ok(Some(match token.kind {
            Kind::Identifier => {
                let Some(callee) = self.function(token.span) else {
                    let name = strconv::quote(token.span.of(self.source));
                    return Err(self.fail(format!("function {name} not defined")));
                };
                Expr::Function {
                    pos,
                    name: token.span,
                    callee,
                }
            }
            Kind::Dot => Expr::Dot { pos },
            Kind::Nil => Expr::Nil { pos },
            Kind::Variable => {
                let id = self.var_id(token.span);
                if !self.is_declared(id) {
                    let name = strconv::quote(token.span.of(self.source));
                    return Err(self.fail(format!("undefined variable {name}")));
                }
                Expr::Variable {
                    pos,
                    name: VarName { id, span: token.span },
                    fields: Span::EMPTY,
                }
            }
            Kind::Field => Expr::Field {
                pos,
                fields: token.span,
            },
            Kind::Bool => Expr::Bool {
                pos,
                value: token.span.of(self.source) == b"true",
            },
            Kind::CharConstant | Kind::Complex | Kind::Number => Expr::Number {
                pos,
                number: Box::new(self.number(token)?),
            },
            Kind::LeftParen => {
                self.enter()?;
                let pipe = self.pipeline("parenthesized pipeline", Kind::RightParen)?;
                self.leave();
                Expr::Pipe(Box::new(pipe))
            }
            Kind::String | Kind::RawString => {
                let text = strconv::unquote(token.span.of(self.source));
                let text = text.map_err(|error| self.fail(error.to_string()))?;
                Expr::String {
                    pos,
                    quoted: token.span,
                    value: Value::string(text),
                }
            }
            _ => {
                self.backup();
                return Ok(None);
            }
        }))
    }
}
