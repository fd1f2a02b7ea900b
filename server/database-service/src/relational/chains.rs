//! Chains with their stations, steps and dependencies, in rows.

use super::{
    columns::{limit, small, version},
    db::{Conn, Db, Doing},
};
use aitrading_model::{TenantId, Timestamp};
use aitrading_store::{
    ChainDefinition, ChainDependency, ChainEdge, ChainId, ChainNode, ChainShape, ChainStatus, ChainStore, GraphEdge,
    GraphName, StoreError, Version, Versioned, check_limit,
};
use async_trait::async_trait;
use std::collections::BTreeMap;

const KEEPING: &str = "keeping a chain";
const READING: &str = "reading chains";
/// Chains whose shapes are read at once.
const SHAPES: usize = 16;

/// Keeps chains in rows.
#[derive(Debug)]
pub(super) struct SqlChains(pub(super) Db);

macro_rules! select {
    ($which:literal) => {
        concat!(
            "SELECT id, name, category, description, status, metadata, created_by, created_at, changed_at, version
             FROM chains WHERE ",
            $which
        )
    };
}

/// Id, name, category, description, status, metadata, by whom, made, changed, version.
type Row = (String, String, String, String, String, String, String, i64, i64, i64);

fn name(text: String) -> Result<GraphName, StoreError> {
    GraphName::new(text).map_err(|_| StoreError::corrupt("a name in a chain"))
}

fn id(text: String) -> Result<ChainId, StoreError> {
    ChainId::new(text).map_err(|_| StoreError::corrupt("a chain's id"))
}

/// A chain without its parts.
fn bare(tenant: TenantId, row: Row) -> Result<Versioned<ChainDefinition>, StoreError> {
    let (chain, name, category, description, status, metadata, created_by, created_at, changed_at, stored) = row;
    let value = ChainDefinition {
        tenant,
        id: id(chain)?,
        name,
        category,
        description,
        status: ChainStatus::from_name(&status).ok_or_else(|| StoreError::corrupt("a chain's status"))?,
        metadata,
        nodes: Vec::new(),
        edges: Vec::new(),
        dependencies: Vec::new(),
        created_by,
        created_at: Timestamp(created_at),
        changed_at: Timestamp(changed_at),
    };
    Ok(Versioned { value, version: version(Some(stored)) })
}

/// Gives chains, which are in the order of their ids, their parts: those of all chains from the first to the last.
async fn with_parts(
    conn: &mut Conn,
    tenant: TenantId,
    chains: Vec<Versioned<ChainDefinition>>,
) -> Result<Vec<Versioned<ChainDefinition>>, StoreError> {
    let (Some(first), Some(last)) = (chains.first(), chains.last()) else { return Ok(chains) };
    let span = (tenant.0.cast_signed(), first.value.id.as_str().to_owned(), last.value.id.as_str().to_owned());
    let mut chains: BTreeMap<String, Versioned<ChainDefinition>> =
        chains.into_iter().map(|chain| (chain.value.id.as_str().to_owned(), chain)).collect();
    for (chain, node) in nodes(conn, &span).await? {
        if let Some(chain) = chains.get_mut(&chain) {
            chain.value.nodes.push(node);
        }
    }
    for (chain, edge) in edges(conn, &span).await? {
        if let Some(chain) = chains.get_mut(&chain) {
            chain.value.edges.push(edge);
        }
    }
    for (chain, dependency) in dependencies(conn, &span).await? {
        if let Some(chain) = chains.get_mut(&chain) {
            chain.value.dependencies.push(dependency);
        }
    }
    let ordered = |chain: Versioned<ChainDefinition>| Versioned { value: chain.value.in_order(), ..chain };
    Ok(chains.into_values().map(ordered).collect())
}

/// Tenant, first chain, last chain.
type Span = (i64, String, String);

async fn nodes(conn: &mut Conn, (tenant, first, last): &Span) -> Result<Vec<(String, ChainNode)>, StoreError> {
    let statement = "SELECT chain_id, node_name, node_type FROM chain_nodes
         WHERE tenant = $1 AND chain_id >= $2 AND chain_id <= $3";
    let query = sqlx::query_as::<_, (String, String, String)>(statement);
    let rows = query.bind(*tenant).bind(first.as_str()).bind(last.as_str()).fetch_all(conn).await.doing(READING)?;
    let node = |(chain, node, kind)| Ok((chain, ChainNode { name: name(node)?, kind: name(kind)? }));
    rows.into_iter().map(node).collect()
}

async fn arrows(conn: &mut Conn, (tenant, first, last): &Span) -> Result<Vec<(String, GraphEdge)>, StoreError> {
    let statement = "SELECT chain_id, source_node, target_node, edge_type FROM chain_edges
         WHERE tenant = $1 AND chain_id >= $2 AND chain_id <= $3";
    let query = sqlx::query_as::<_, (String, String, String, String)>(statement);
    let rows = query.bind(*tenant).bind(first.as_str()).bind(last.as_str()).fetch_all(conn).await.doing(READING)?;
    let arrow = |(chain, source, target, kind)| {
        Ok((chain, GraphEdge { source: name(source)?, target: name(target)?, kind: name(kind)? }))
    };
    rows.into_iter().map(arrow).collect()
}

/// Hands over the shape of every chain of every tenant, a few at a time.
pub(crate) async fn shapes(
    db: &Db,
    take: &(dyn Fn(TenantId, ChainShape) -> Result<(), StoreError> + Send + Sync),
) -> Result<(), StoreError> {
    let mut tx = db.read(READING).await?;
    // In front of all: no id is empty.
    let mut after = (i64::MIN, String::new());
    loop {
        let statement = "SELECT tenant, id FROM chains WHERE (tenant, id) > ($1, $2) ORDER BY tenant, id LIMIT $3";
        let query = sqlx::query_as::<_, (i64, String)>(statement).bind(after.0).bind(after.1.as_str());
        let page = query.bind(limit(SHAPES)).fetch_all(&mut *tx).await.doing(READING)?;
        for of_tenant in page.chunk_by(|a, b| a.0 == b.0) {
            let Some((tenant, _)) = of_tenant.first() else { continue };
            for shape in shapes_of(&mut tx, of_tenant).await? {
                take(TenantId(tenant.cast_unsigned()), shape)?;
            }
        }
        match page.into_iter().next_back() {
            Some(last) => after = last,
            None => return Ok(()),
        }
    }
}

/// The shapes of chains of one tenant, which are all that there are from the first to the last.
async fn shapes_of(conn: &mut Conn, chains: &[(i64, String)]) -> Result<Vec<ChainShape>, StoreError> {
    let (Some((tenant, first)), Some((_, last))) = (chains.first(), chains.last()) else { return Ok(Vec::new()) };
    let span = (*tenant, first.clone(), last.clone());
    let mut shapes = BTreeMap::new();
    for (_, chain) in chains {
        let shape = ChainShape { chain: name(chain.clone())?, nodes: Vec::new(), edges: Vec::new() };
        shapes.insert(chain.clone(), shape);
    }
    for (chain, node) in nodes(conn, &span).await? {
        if let Some(shape) = shapes.get_mut(&chain) {
            shape.nodes.push(node.name);
        }
    }
    for (chain, arrow) in arrows(conn, &span).await? {
        if let Some(shape) = shapes.get_mut(&chain) {
            shape.edges.push(arrow);
        }
    }
    Ok(shapes.into_values().collect())
}

/// Chain, source, target, kind, condition, latency, policy.
type EdgeRow = (String, String, String, String, Option<String>, Option<i64>, Option<String>);

fn edge(
    (chain, source, target, kind, condition, latency, retry_policy): EdgeRow,
) -> Result<(String, ChainEdge), StoreError> {
    let edge = GraphEdge { source: name(source)?, target: name(target)?, kind: name(kind)? };
    let latency_sla_ms = latency.map(|ms| small(ms, "a step's latency")).transpose()?;
    Ok((chain, ChainEdge { edge, condition, latency_sla_ms, retry_policy }))
}

async fn edges(conn: &mut Conn, (tenant, first, last): &Span) -> Result<Vec<(String, ChainEdge)>, StoreError> {
    let statement = "SELECT chain_id, source_node, target_node, edge_type, condition, latency_sla, retry_policy
         FROM chain_edges WHERE tenant = $1 AND chain_id >= $2 AND chain_id <= $3";
    let query = sqlx::query_as::<_, EdgeRow>(statement).bind(*tenant).bind(first.as_str()).bind(last.as_str());
    query.fetch_all(conn).await.doing(READING)?.into_iter().map(edge).collect()
}

async fn dependencies(
    conn: &mut Conn,
    (tenant, first, last): &Span,
) -> Result<Vec<(String, ChainDependency)>, StoreError> {
    let statement = "SELECT chain_id, depends_on, dependency_type FROM chain_dependencies
         WHERE tenant = $1 AND chain_id >= $2 AND chain_id <= $3";
    let query = sqlx::query_as::<_, (String, String, String)>(statement);
    let rows = query.bind(*tenant).bind(first.as_str()).bind(last.as_str()).fetch_all(conn).await.doing(READING)?;
    let dependency = |(chain, on, kind)| Ok((chain, ChainDependency { on: id(on)?, kind: name(kind)? }));
    rows.into_iter().map(dependency).collect()
}

async fn stored(conn: &mut Conn, tenant: TenantId, id: &ChainId) -> Result<Version, StoreError> {
    let query = sqlx::query_scalar("SELECT version FROM chains WHERE tenant = $1 AND id = $2");
    let query = query.bind(tenant.0.cast_signed()).bind(id.as_str());
    Ok(version(query.fetch_optional(conn).await.doing(KEEPING)?))
}

async fn write(conn: &mut Conn, chain: &ChainDefinition, version: Version) -> Result<(), StoreError> {
    let statement = "INSERT INTO chains (tenant, id, name, category, description, status, metadata, created_by,
             created_at, changed_at, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (tenant, id) DO UPDATE SET name = excluded.name, category = excluded.category,
             description = excluded.description, status = excluded.status, metadata = excluded.metadata,
             created_by = excluded.created_by, created_at = excluded.created_at, changed_at = excluded.changed_at,
             version = excluded.version";
    let query = sqlx::query(statement)
        .bind(chain.tenant.0.cast_signed())
        .bind(chain.id.as_str())
        .bind(chain.name.as_str())
        .bind(chain.category.as_str())
        .bind(chain.description.as_str())
        .bind(chain.status.name())
        .bind(chain.metadata.as_str())
        .bind(chain.created_by.as_str())
        .bind(chain.created_at.0)
        .bind(chain.changed_at.0)
        .bind(version.0.cast_signed());
    query.execute(conn).await.doing(KEEPING).map(drop)
}

async fn clear_parts(conn: &mut Conn, chain: &ChainDefinition) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM chain_nodes WHERE tenant = $1 AND chain_id = $2",
        "DELETE FROM chain_edges WHERE tenant = $1 AND chain_id = $2",
        "DELETE FROM chain_dependencies WHERE tenant = $1 AND chain_id = $2",
    ] {
        let query = sqlx::query(statement).bind(chain.tenant.0.cast_signed()).bind(chain.id.as_str());
        query.execute(&mut *conn).await.doing(KEEPING)?;
    }
    Ok(())
}

async fn write_parts(conn: &mut Conn, chain: &ChainDefinition) -> Result<(), StoreError> {
    let (tenant, id) = (chain.tenant.0.cast_signed(), chain.id.as_str());
    for node in &chain.nodes {
        let statement = "INSERT INTO chain_nodes (tenant, chain_id, node_name, node_type) VALUES ($1, $2, $3, $4)";
        let query = sqlx::query(statement).bind(tenant).bind(id).bind(node.name.as_str()).bind(node.kind.as_str());
        query.execute(&mut *conn).await.doing(KEEPING)?;
    }
    for step in &chain.edges {
        let statement = "INSERT INTO chain_edges (tenant, chain_id, source_node, target_node, edge_type, condition,
                 latency_sla, retry_policy)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let query = sqlx::query(statement)
            .bind(tenant)
            .bind(id)
            .bind(step.edge.source.as_str())
            .bind(step.edge.target.as_str())
            .bind(step.edge.kind.as_str())
            .bind(step.condition.as_deref())
            .bind(step.latency_sla_ms.map(i64::from))
            .bind(step.retry_policy.as_deref());
        query.execute(&mut *conn).await.doing(KEEPING)?;
    }
    for needs in &chain.dependencies {
        let statement = "INSERT INTO chain_dependencies (tenant, chain_id, depends_on, dependency_type)
             VALUES ($1, $2, $3, $4)";
        let query = sqlx::query(statement).bind(tenant).bind(id).bind(needs.on.as_str()).bind(needs.kind.as_str());
        query.execute(&mut *conn).await.doing(KEEPING)?;
    }
    Ok(())
}

#[async_trait]
impl ChainStore for SqlChains {
    async fn put(&self, chain: ChainDefinition, expected: Version) -> Result<Version, StoreError> {
        chain.check()?;
        let mut tx = self.0.write(KEEPING).await?;
        expected.expect(stored(tx.conn(), chain.tenant, &chain.id).await?)?;
        let version = expected.after(1);
        write(tx.conn(), &chain, version).await?;
        clear_parts(tx.conn(), &chain).await?;
        write_parts(tx.conn(), &chain).await?;
        tx.commit().await?;
        Ok(version)
    }

    async fn get(&self, tenant: TenantId, id: &ChainId) -> Result<Option<Versioned<ChainDefinition>>, StoreError> {
        let mut tx = self.0.read(READING).await?;
        let query = sqlx::query_as::<_, Row>(select!("tenant = $1 AND id = $2"));
        let row = query.bind(tenant.0.cast_signed()).bind(id.as_str()).fetch_optional(&mut *tx).await.doing(READING)?;
        let chain = row.map(|row| bare(tenant, row)).transpose()?;
        Ok(with_parts(&mut tx, tenant, chain.into_iter().collect()).await?.pop())
    }

    async fn of_tenant(
        &self,
        tenant: TenantId,
        after: Option<&ChainId>,
        n: usize,
    ) -> Result<Vec<Versioned<ChainDefinition>>, StoreError> {
        check_limit(n)?;
        let mut tx = self.0.read(READING).await?;
        let query = sqlx::query_as::<_, Row>(select!("tenant = $1 AND id > $2 ORDER BY id LIMIT $3"));
        let query = query.bind(tenant.0.cast_signed()).bind(after.map_or("", ChainId::as_str)).bind(limit(n));
        let rows = query.fetch_all(&mut *tx).await.doing(READING)?;
        let chains = rows.into_iter().map(|row| bare(tenant, row)).collect::<Result<Vec<_>, _>>()?;
        with_parts(&mut tx, tenant, chains).await
    }

    async fn remove(&self, tenant: TenantId, id: &ChainId, expected: Version) -> Result<(), StoreError> {
        let mut tx = self.0.write(KEEPING).await?;
        let stored = stored(tx.conn(), tenant, id).await?;
        if stored == Version::NONE {
            return Err(StoreError::Stale { expected, stored });
        }
        expected.expect(stored)?;
        // Its parts go with it.
        let query = sqlx::query("DELETE FROM chains WHERE tenant = $1 AND id = $2");
        let query = query.bind(tenant.0.cast_signed()).bind(id.as_str());
        query.execute(tx.conn()).await.doing(KEEPING)?;
        tx.commit().await
    }
}
