//! How a port is declared.

/// Declares a port: who may call it, which database is behind it, and its methods as the trait has them, each with its kind and
/// size. What does not fit into call and answer is written by hand behind `+ by hand`: rows of the table, and functions of the
/// trait.
macro_rules! port {
    (
        $port:ident: $trait:ident, $role:ident, [$($who:ident)*];
        $($kind:ident $size:ident $method:ident($($arg:ident: $type:ty),*) -> $answer:ty;)*
        $(+ by hand { $($hand_kind:ident $hand_size:ident $hand:ident;)* } { $($function:tt)* })?
    ) => {
        pub(crate) mod $port {
            use super::*;

            pub(crate) const PORT: Port = Port {
                name: stringify!($port),
                port: stringify!($trait),
                role: Role::$role,
                who: &[$($who),*],
                methods: &[
                    $(Method { name: stringify!($method), kind: Kind::$kind, size: Size::$size },)*
                    $($(Method { name: stringify!($hand), kind: Kind::$hand_kind, size: Size::$hand_size },)*)?
                ],
            };

            #[async_trait]
            impl $trait for Remote {
                $(async fn $method(&self, $($arg: $type),*) -> Result<$answer, StoreError> {
                    let call = self.call(&PORT, stringify!($method))?;
                    $(let call = call.put(stringify!($arg), &$arg)?;)*
                    call.ask().await
                })*
                $($($function)*)?
            }

            pub(crate) async fn serve(
                store: &dyn $trait,
                method: &'static Method,
                mut asked: Asked,
                scope: Scope,
            ) -> Result<Message, Refusal> {
                match method.name {
                    $(stringify!($method) => {
                        $(let mut $arg: <$type as Arg<'_>>::Kept = asked.take(stringify!($arg))?;)*
                        asked.end()?;
                        let whose = Whose::default();
                        $(let whose = whose.and(&$arg);)*
                        scope.check(&whose)?;
                        let answer = store.$method($(<$type as Arg<'_>>::lend(&mut $arg)),*).await?;
                        // Nothing else can be wrong with what a store answers.
                        Message::of(&answer).map_err(|_| DoorError::TooLarge.into())
                    })*
                    _ => Err(DoorError::Unknown.into()),
                }
            }
        }
    };
}
pub(super) use port;
