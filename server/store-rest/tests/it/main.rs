//! Both adapters against mocks that know the vendors' interfaces and nothing else.
//!
//! A mock keeps no state and understands neither GraphQL nor AQL: these tests prove the form of each request and answer
//! alone, and are named `contract_` for that reason. They need the vendors' files, which `AITRADING_SHARED_DATA` locates;
//! without them they say so and prove nothing.

#[cfg(test)]
mod arango;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod weaviate;
#[cfg(test)]
mod world;
