// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {Base} from "./Base.sol";
import {AssetFactory} from "../src/AssetFactory.sol";
import {AssetGovernor} from "../src/AssetGovernor.sol";
import {AssetTimelock} from "../src/AssetTimelock.sol";
import {Grants} from "../src/Grants.sol";
import {Ledger} from "../src/Ledger.sol";
import {Registry} from "../src/Registry.sol";
import {ShareToken} from "../src/ShareToken.sol";
import {Stakes} from "../src/Stakes.sol";
import {TestDollar} from "../src/TestDollar.sol";

/// An asset with three verifiers of whom two must sign, three guardians and two runners; and what is needed to post epochs
/// and claim from them.
abstract contract Fixture is Base {
    uint256 internal constant FOUNDER_KEY = uint256(keccak256("founder"));
    uint256 internal constant DEADLINE = 2_000_000_000;
    uint256 internal constant EPOCH_CAP = 1_000_000e18;
    string internal constant EPOCH_ROOT_TYPE =
        "EpochRoot(uint64 epoch,bytes32 previousRoot,bytes32 root,uint256 total,uint32 leaves,bytes32 treeHash,uint64 verifierSetVersion)";
    string internal constant WITHDRAW_TYPE = "Withdraw(address owner,bytes32 contribution,uint256 deadline)";
    string internal constant CREATE_ASSET_TYPE =
        "CreateAsset(address founder,string name,string symbol,bytes32 salt,address paymentToken,bytes32 recipient,bytes32 policyHash,uint256 epochCap,uint8 vestingEpochs,address[] verifiers,bytes32[] verifierRecipients,uint32 threshold,Custody custody,Governance governance,Charter charter,uint256 deadline)";
    string internal constant CUSTODY_TYPE =
        "Custody(address[] guardians,bytes32[] commitments,bytes32[] oprfCommitments,uint32 threshold,address[] runners)";
    string internal constant COMMITTEE_TYPE =
        "Committee(uint32 epoch,uint32 threshold,address[] guardians,bytes32[] commitments,bytes32[] oprfCommitments,bytes32 recipient,bytes32 transcript)";
    string internal constant RULES_TYPE =
        "Rules(uint32 votingPeriod,uint48 timelockDelay,uint16 quorumPercent,uint16 approvalPercent,uint256 quorumFloor,uint256 proposalThreshold)";
    string internal constant GOVERNANCE_TYPE =
        "Governance(uint48 voteExtension,uint32 minimumOwners,uint32 minimumAge,Rules query,Rules copy,Rules constitution)";
    string internal constant CHARTER_TYPE =
        "Charter(uint32 useTime,uint32 minimumGroupSize,uint32 minimumSnapshotLeaves,uint32 challengeTime,uint32 period,uint64 budget,uint96 runnerStake,uint96 verifierStake,Standing standing,Fee[] fees)";
    string internal constant STANDING_TYPE =
        "Standing(uint96 minimumPrice,uint64 maximumEpsilon,uint32 minimumGroupSize,uint32 uses)";
    string internal constant FEE_TYPE = "Fee(address recipient,uint16 basisPoints)";
    string internal constant RECEIVE_TYPE =
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)";

    AssetFactory internal factory;
    TestDollar internal dollar;
    ShareToken internal token;
    Registry internal registry;
    Ledger internal ledger;
    Grants internal grants;
    AssetGovernor internal governor;
    AssetTimelock internal timelock;
    Stakes internal stakes;
    address internal founder;
    uint256[] internal guardianKeys;
    uint256[] internal runnerKeys;
    /// In ascending order of address, as the ledger wants signatures.
    uint256[] internal verifierKeys;
    /// Of everybody who can be a guardian here.
    mapping(address guardian => uint256 key) internal keyOf;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        founder = vm.addr(FOUNDER_KEY);
        verifierKeys = sortedKeys("verifier", 3);
        guardianKeys = sortedKeys("guardian", 3);
        uint256[] memory guardians = sortedKeys("guardian", 17);
        for (uint256 i = 0; i < guardians.length; i++) {
            keyOf[vm.addr(guardians[i])] = guardians[i];
        }
        runnerKeys = sortedKeys("runner", 2);
        factory = new AssetFactory(
            AssetFactory.AssetContracts({
                token: address(new ShareToken()),
                registry: address(new Registry()),
                ledger: address(new Ledger()),
                grants: address(new Grants()),
                governor: address(new AssetGovernor()),
                timelock: address(new AssetTimelock()),
                stakes: address(new Stakes())
            })
        );
        dollar = new TestDollar(address(this));
        useAsset(params("asset"));
    }

    /// What a founder signs, with the types in it, by name (EIP-712, encodeType).
    function createAssetTypes() internal pure returns (string memory) {
        string memory first = string.concat(CREATE_ASSET_TYPE, CHARTER_TYPE, CUSTODY_TYPE);
        return string.concat(first, FEE_TYPE, GOVERNANCE_TYPE, RULES_TYPE, STANDING_TYPE);
    }

    /// Creates an asset and makes it the one that the helpers below work on.
    function useAsset(AssetFactory.AssetParams memory p) internal {
        AssetFactory.AssetContracts memory c = create(p, founder);
        (token, registry, ledger) = (ShareToken(c.token), Registry(c.registry), Ledger(c.ledger));
        (grants, governor, timelock) =
            (Grants(c.grants), AssetGovernor(payable(c.governor)), AssetTimelock(payable(c.timelock)));
        stakes = Stakes(c.stakes);
    }

    /// Creates an asset whose guardians have made its keys.
    function create(AssetFactory.AssetParams memory p, address by)
        internal
        returns (AssetFactory.AssetContracts memory)
    {
        Registry.Ceremony memory made = ceremony(p, by);
        vm.prank(by);
        return factory.create(p, made);
    }

    function refusesCreation(AssetFactory.AssetParams memory p, bytes memory why) internal {
        Registry.Ceremony memory made = ceremony(p, address(this));
        vm.expectRevert(why);
        factory.create(p, made);
    }

    /// What the guardians of a founder's asset sign: good for its registry alone.
    function ceremony(AssetFactory.AssetParams memory p, address by) internal view returns (Registry.Ceremony memory) {
        return confirmed(factory.predict(by, p.salt).registry, p.custody, 1, p.recipient);
    }

    function confirmed(address of_, Registry.Custody memory c, uint32 epoch, bytes32 recipient)
        internal
        view
        returns (Registry.Ceremony memory made)
    {
        made.transcript = keccak256(abi.encode("transcript", epoch));
        made.confirmations = confirmations(committeeDigest(of_, c, epoch, recipient, made.transcript), c.guardians);
    }

    function confirmations(bytes32 digest, address[] memory guardians)
        internal
        view
        returns (bytes[] memory signatures)
    {
        signatures = new bytes[](guardians.length);
        for (uint256 i = 0; i < guardians.length; i++) {
            uint256 key = keyOf[guardians[i]];
            // Whose key is not known has not signed.
            signatures[i] = key == 0 ? new bytes(65) : signature(key, digest);
        }
    }

    function committeeDigest(
        address of_,
        Registry.Custody memory c,
        uint32 epoch,
        bytes32 recipient,
        bytes32 transcript
    ) internal view returns (bytes32) {
        return typedDigest(
            "Trove Registry",
            block.chainid,
            of_,
            keccak256(
                abi.encode(
                    keccak256(bytes(COMMITTEE_TYPE)),
                    epoch,
                    c.threshold,
                    keccak256(abi.encodePacked(c.guardians)),
                    keccak256(abi.encodePacked(c.commitments)),
                    keccak256(abi.encodePacked(c.oprfCommitments)),
                    recipient,
                    transcript
                )
            )
        );
    }

    function params(bytes32 salt) internal view returns (AssetFactory.AssetParams memory p) {
        p.name = "Reddit comments";
        p.symbol = "RDT";
        p.salt = salt;
        p.paymentToken = address(dollar);
        p.recipient = keccak256("recipient");
        p.policyHash = keccak256("policy");
        p.epochCap = EPOCH_CAP;
        (p.verifiers, p.verifierRecipients) = verifierSet(verifierKeys);
        p.threshold = 2;
        p.custody = custody(guardianKeys, 2, runnerKeys);
        p.governance = governance();
        p.charter = charter();
    }

    /// Results are settled as they are posted, nothing is at stake, and nobody takes fees.
    function charter() internal pure returns (Grants.Charter memory c) {
        (c.useTime, c.minimumGroupSize, c.minimumSnapshotLeaves) = (100, 2, 2);
        (c.period, c.budget) = (30 days, 1e15);
    }

    /// A query takes a tenth of all shares, a copy a fifth and six of ten votes, the constitution a third and two thirds.
    function governance() internal pure returns (AssetGovernor.Governance memory) {
        return AssetGovernor.Governance({
            voteExtension: 10,
            minimumOwners: 2,
            minimumAge: 0,
            query: AssetGovernor.Rules(100, 5, 10, 50, 1e18, 1e18),
            copy: AssetGovernor.Rules(150, 20, 20, 60, 2e18, 1e18),
            constitution: AssetGovernor.Rules(200, 50, 33, 66, 3e18, 2e18)
        });
    }

    function custody(uint256[] memory guardians, uint32 threshold, uint256[] memory runners)
        internal
        pure
        returns (Registry.Custody memory c)
    {
        c.guardians = addressesOf(guardians);
        c.commitments = new bytes32[](guardians.length);
        c.oprfCommitments = new bytes32[](guardians.length);
        for (uint256 i = 0; i < guardians.length; i++) {
            c.commitments[i] = keccak256(abi.encode("commitment", guardians[i]));
            c.oprfCommitments[i] = keccak256(abi.encode("OPRF commitment", guardians[i]));
        }
        c.threshold = threshold;
        c.runners = addressesOf(runners);
    }

    function addressesOf(uint256[] memory keys) internal pure returns (address[] memory accounts) {
        accounts = new address[](keys.length);
        for (uint256 i = 0; i < keys.length; i++) {
            accounts[i] = vm.addr(keys[i]);
        }
    }

    function sortedKeys(string memory label, uint256 n) internal pure returns (uint256[] memory keys) {
        keys = new uint256[](n);
        for (uint256 i = 0; i < n; i++) {
            uint256 key = uint256(keccak256(abi.encode(label, i)));
            uint256 j = i;
            for (; j > 0 && vm.addr(keys[j - 1]) > vm.addr(key); j--) {
                keys[j] = keys[j - 1];
            }
            keys[j] = key;
        }
    }

    function verifierSet(uint256[] memory keys)
        internal
        pure
        returns (address[] memory verifiers, bytes32[] memory recipients)
    {
        verifiers = addressesOf(keys);
        recipients = new bytes32[](keys.length);
        for (uint256 i = 0; i < keys.length; i++) {
            recipients[i] = keccak256(abi.encode("recipient", keys[i]));
        }
    }

    /// Claims of the next epoch: owner i gets amount i.
    function claimsOf(address[] memory owners, uint256[] memory amounts)
        internal
        view
        returns (Ledger.Claim[] memory claims)
    {
        uint64 epoch = ledger.latestEpoch() + 1;
        claims = new Ledger.Claim[](owners.length);
        for (uint256 i = 0; i < owners.length; i++) {
            claims[i] = Ledger.Claim({
                epoch: epoch,
                index: uint32(i),
                contribution: keccak256(abi.encode("contribution", epoch, i)),
                owner: owners[i],
                amount: amounts[i],
                partsRoot: keccak256(abi.encode("parts", epoch, i))
            });
        }
    }

    /// Claims of the next epoch: n owners of their own, (i + 1) shares for owner i.
    function claimsOf(uint256 n) internal view returns (Ledger.Claim[] memory) {
        address[] memory owners = new address[](n);
        uint256[] memory amounts = new uint256[](n);
        for (uint256 i = 0; i < n; i++) {
            owners[i] = member(i);
            amounts[i] = (i + 1) * 1e18;
        }
        return claimsOf(owners, amounts);
    }

    function member(uint256 i) internal pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode("member", i)))));
    }

    function leavesOf(Ledger.Claim[] memory claims) internal pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](claims.length);
        for (uint256 i = 0; i < claims.length; i++) {
            leaves[i] = keccak256(bytes.concat(keccak256(abi.encode(claims[i]))));
        }
    }

    function hashPair(bytes32 a, bytes32 b) internal pure returns (bytes32) {
        return a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
    }

    function layerAbove(bytes32[] memory layer) private pure returns (bytes32[] memory above) {
        above = new bytes32[]((layer.length + 1) / 2);
        for (uint256 i = 0; i < above.length; i++) {
            above[i] = 2 * i + 1 < layer.length ? hashPair(layer[2 * i], layer[2 * i + 1]) : layer[2 * i];
        }
    }

    function rootOf(bytes32[] memory layer) internal pure returns (bytes32) {
        if (layer.length == 0) return 0;
        while (layer.length > 1) {
            layer = layerAbove(layer);
        }
        return layer[0];
    }

    function proofOf(bytes32[] memory layer, uint256 index) internal pure returns (bytes32[] memory proof) {
        bytes32[32] memory found;
        uint256 depth = 0;
        for (; layer.length > 1; index >>= 1) {
            if ((index ^ 1) < layer.length) found[depth++] = layer[index ^ 1];
            layer = layerAbove(layer);
        }
        proof = new bytes32[](depth);
        for (uint256 i = 0; i < depth; i++) {
            proof[i] = found[i];
        }
    }

    /// The nodes beside leaves first to first + count - 1, layer by layer, the left one first.
    function rangeProofOf(bytes32[] memory layer, uint256 first, uint256 count)
        internal
        pure
        returns (bytes32[] memory proof)
    {
        bytes32[64] memory found;
        uint256 n = 0;
        uint256 last = first + count - 1;
        for (; layer.length > 1; (first, last) = (first / 2, last / 2)) {
            if (first % 2 == 1) found[n++] = layer[first - 1];
            if (last % 2 == 0 && last + 1 < layer.length) found[n++] = layer[last + 1];
            layer = layerAbove(layer);
        }
        proof = new bytes32[](n);
        for (uint256 i = 0; i < n; i++) {
            proof[i] = found[i];
        }
    }

    function part(Ledger.Claim[] memory claims, uint256 first, uint256 count)
        internal
        pure
        returns (Ledger.Claim[] memory some)
    {
        some = new Ledger.Claim[](count);
        for (uint256 i = 0; i < count; i++) {
            some[i] = claims[first + i];
        }
    }

    function proofsOf(Ledger.Claim[] memory claims) internal pure returns (bytes32[][] memory proofs) {
        bytes32[] memory leaves = leavesOf(claims);
        proofs = new bytes32[][](claims.length);
        for (uint256 i = 0; i < claims.length; i++) {
            proofs[i] = proofOf(leaves, i);
        }
    }

    /// The next epoch over these claims, ready to be signed.
    function epochRoot(Ledger.Claim[] memory claims) internal view returns (Ledger.EpochRoot memory r) {
        uint64 latest = ledger.latestEpoch();
        r.epoch = latest + 1;
        r.previousRoot = ledger.epochOf(latest).root;
        r.root = rootOf(leavesOf(claims));
        for (uint256 i = 0; i < claims.length; i++) {
            r.total += claims[i].amount;
        }
        r.leaves = uint32(claims.length);
        r.treeHash = keccak256(abi.encode("tree", r.epoch));
        r.verifierSetVersion = registry.verifierSetVersion();
    }

    function epochDigest(Ledger.EpochRoot memory r) internal view returns (bytes32) {
        return typedDigest(
            "Trove Ledger",
            block.chainid,
            address(ledger),
            keccak256(abi.encode(keccak256(bytes(EPOCH_ROOT_TYPE)), r))
        );
    }

    /// Signatures of the first n verifiers, in the ledger's order.
    function signEpoch(Ledger.EpochRoot memory r, uint256 n) internal view returns (bytes[] memory signatures) {
        signatures = new bytes[](n);
        bytes32 digest = epochDigest(r);
        for (uint256 i = 0; i < n; i++) {
            signatures[i] = signature(verifierKeys[i], digest);
        }
    }

    function post(Ledger.Claim[] memory claims) internal {
        Ledger.EpochRoot memory r = epochRoot(claims);
        ledger.postEpoch(r, signEpoch(r, 2));
    }

    /// Posts n claims and hands the owners their shares.
    function postAndClaim(uint256 n) internal returns (Ledger.Claim[] memory claims) {
        claims = claimsOf(n);
        post(claims);
        ledger.claimMany(claims, new bytes32[](0));
    }

    function distribute(uint256 amount) internal {
        dollar.mint(address(this), amount);
        dollar.approve(address(token), amount);
        token.distribute(amount);
    }

    function receiveDigest(address from, address to, uint256 value, uint256 validBefore, bytes32 nonce)
        internal
        view
        returns (bytes32)
    {
        return typedDigest(
            "Trove Test Dollar",
            block.chainid,
            address(dollar),
            keccak256(abi.encode(keccak256(bytes(RECEIVE_TYPE)), from, to, value, 0, validBefore, nonce))
        );
    }
}
