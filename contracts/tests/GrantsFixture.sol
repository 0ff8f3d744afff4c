// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {Fixture} from "./Fixture.sol";
import {ReentrantDollar} from "./Tokens.sol";
import {AssetFactory} from "../src/AssetFactory.sol";
import {AssetGovernor} from "../src/AssetGovernor.sol";
import {Grants} from "../src/Grants.sol";
import {Ledger} from "../src/Ledger.sol";
import {Registry} from "../src/Registry.sol";
import {TestDollar} from "../src/TestDollar.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// An asset with four owners of 1, 2, 3 and 4 shares, a snapshot, and a buyer with money; and what is needed to ask for a
/// use, vote on it and run it.
abstract contract GrantsFixture is Fixture {
    uint256 internal constant BUYER_KEY = uint256(keccak256("buyer"));
    uint256 internal constant PRICE = 1_000_000;
    bytes internal constant CODE = "SELECT year, count(*) CLIP 10 FROM records GROUP BY year";
    bytes32 internal constant RESULT = keccak256("result");
    bytes32 internal constant INPUTS = keccak256("inputs");
    bytes32 internal constant ONE_TIME_KEY = keccak256("one-time key");
    uint8 internal constant AGAINST = 0;
    uint8 internal constant FOR = 1;
    uint8 internal constant ABSTAIN = 2;
    string internal constant BALLOT_TYPE = "Ballot(uint256 proposalId,uint8 support,address voter,uint256 nonce)";
    string internal constant PROPOSE_TYPE = "Propose(uint256 proposalId,address proposer,uint256 deadline)";
    string internal constant OPEN_USE_TYPE =
        "OpenUse(bytes32 request,uint32 use,bytes32 oneTimeKey,uint32 keyVersion,address runner)";
    string internal constant RESULT_TYPE =
        "Result(bytes32 request,uint32 use,bytes32 resultHash,bytes32 inputsHash,address runner)";
    string internal constant FAILURE_TYPE = "Failure(bytes32 request,uint32 use,bytes32 code,address runner)";

    /// What is voted on.
    struct Action {
        address[] targets;
        uint256[] values;
        bytes[] calldatas;
        string description;
    }

    address internal buyer = vm.addr(BUYER_KEY);
    address internal stranger = vm.addr(uint256(keccak256("stranger")));
    uint256[] internal ownerKeys;

    function setUp() public virtual override {
        super.setUp();
        ownerKeys = sortedKeys("owner", 4);
        grow();
    }

    /// An epoch that gives the owners their shares, its snapshot, and money for the buyer.
    function grow() internal {
        address[] memory owners = addressesOf(ownerKeys);
        uint256[] memory amounts = new uint256[](owners.length);
        for (uint256 i = 0; i < owners.length; i++) {
            amounts[i] = (i + 1) * 1e18;
        }
        Ledger.Claim[] memory claims = claimsOf(owners, amounts);
        post(claims);
        ledger.claimMany(claims, new bytes32[](0));
        grants.takeSnapshot();
        dollar.mint(buyer, 1e15);
        // Votes count from the second after.
        skip(1);
    }

    function skip(uint256 time) internal {
        vm.warp(vm.getBlockTimestamp() + time);
    }

    function owner(uint256 i) internal view returns (address) {
        return vm.addr(ownerKeys[i]);
    }

    function runner(uint256 i) internal view returns (address) {
        return vm.addr(runnerKeys[i]);
    }

    /// The call must fail with exactly these data.
    function refuses(address target, bytes memory call, bytes memory why) internal {
        (bool ok, bytes memory answer) = target.call(call);
        vm.assertTrue(!ok, "is refused");
        vm.assertEq(keccak256(answer), keccak256(why), "for this reason");
    }

    // Requests

    function termsOf(bytes32 salt) internal view returns (Grants.Terms memory t) {
        t.buyer = buyer;
        t.buyerKey = keccak256("buyer key");
        t.use = 1;
        t.kinds = new bytes32[](2);
        (t.kinds[0], t.kinds[1]) = ("comment", "post");
        (t.fromYear, t.toYear) = (2015, 2026);
        t.lastEpoch = grants.snapshotEpoch();
        t.codeHash = keccak256(CODE);
        (t.groupSize, t.epsilon) = (2, 1e6);
        t.price = PRICE;
        t.uses = 1;
        t.expiry = uint64(vm.getBlockTimestamp() + 10 days);
        t.salt = salt;
    }

    /// By hand, so that the contract's own hashing is checked against something else.
    function idOf(Grants.Terms memory t) internal view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(grants), t));
    }

    function paymentOf(Grants.Terms memory t) internal view returns (bytes memory) {
        return payment(address(grants), t.price * t.uses, DEADLINE, idOf(t));
    }

    function payment(address to, uint256 amount, uint256 validBefore, bytes32 nonce)
        internal
        view
        returns (bytes memory)
    {
        return signature(BUYER_KEY, receiveDigest(buyer, to, amount, validBefore, nonce));
    }

    function ask(Grants.Terms memory t) internal returns (bytes32) {
        return grants.request(t, CODE, DEADLINE, paymentOf(t));
    }

    function requestCall(Grants.Terms memory t) internal view returns (bytes memory) {
        return abi.encodeCall(grants.request, (t, CODE, DEADLINE, paymentOf(t)));
    }

    function stateOf(bytes32 id) internal view returns (Grants.State) {
        return grants.grantOf(id).state;
    }

    function isIn(bytes32 id, Grants.State expected, string memory what) internal view {
        vm.assertEq(uint256(stateOf(id)), uint256(expected), what);
    }

    function wrongState(bytes32 id, Grants.State state) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(Grants.WrongState.selector, id, state);
    }

    /// Money in the grants contract is what waits there and what went back, no more and no less.
    function moneyIs(uint256 escrowed, uint256 credited, uint256 dividends) internal view {
        vm.assertEq(grants.escrowed(), escrowed, "escrowed");
        vm.assertEq(grants.credited(), credited, "credited");
        vm.assertEq(dollar.balanceOf(address(grants)), escrowed + credited, "the money is there");
        vm.assertEq(token.dividendsReceived(), dividends, "dividends");
        vm.assertEq(dollar.allowance(address(grants), address(token)), 0, "no allowance is left");
    }

    // Votes

    function actionOf(address target, bytes memory data, string memory description)
        internal
        pure
        returns (Action memory a)
    {
        (a.targets, a.values, a.calldatas) = (new address[](1), new uint256[](1), new bytes[](1));
        (a.targets[0], a.calldatas[0], a.description) = (target, data, description);
    }

    function approvalOf(bytes32 id) internal view returns (Action memory) {
        return actionOf(
            address(grants), abi.encodeCall(Grants.approve, (id)), governor.requestDescription(id)
        );
    }

    function revocationOf(bytes32 id) internal view returns (Action memory) {
        return actionOf(address(grants), abi.encodeCall(Grants.revoke, (id)), "Take it back");
    }

    function runnersAction(address[] memory runners) internal view returns (Action memory) {
        return actionOf(address(registry), abi.encodeCall(Registry.setRunners, (runners)), "Other runners");
    }

    function rulesAction(AssetGovernor.Governance memory g) internal view returns (Action memory) {
        return actionOf(
            address(governor), abi.encodeCall(AssetGovernor.setRules, (g.query, g.copy, g.constitution)), "Other rules"
        );
    }

    function proposalOf(Action memory a) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(a.targets, a.values, a.calldatas, keccak256(bytes(a.description)))));
    }

    function proposeCall(Action memory a) internal view returns (bytes memory) {
        return abi.encodeCall(governor.propose, (a.targets, a.values, a.calldatas, a.description));
    }

    function queueCall(Action memory a) internal pure returns (bytes memory) {
        return abi.encodeWithSignature(
            "queue(address[],uint256[],bytes[],bytes32)",
            a.targets,
            a.values,
            a.calldatas,
            keccak256(bytes(a.description))
        );
    }

    function executeCall(Action memory a) internal pure returns (bytes memory) {
        return abi.encodeWithSignature(
            "execute(address[],uint256[],bytes[],bytes32)",
            a.targets,
            a.values,
            a.calldatas,
            keccak256(bytes(a.description))
        );
    }

    function propose(Action memory a, address proposer) internal returns (uint256) {
        vm.prank(proposer);
        return governor.propose(a.targets, a.values, a.calldatas, a.description);
    }

    function vote(uint256 proposal, uint256 i, uint8 support) internal {
        vm.prank(owner(i));
        governor.castVote(proposal, support);
    }

    function castCall(uint256 proposal, uint8 support) internal view returns (bytes memory) {
        return abi.encodeCall(governor.castVote, (proposal, support));
    }

    /// Proposes, lets all owners vote the same and waits for the end of the vote.
    function decide(Action memory a, uint8 support) internal returns (uint256 proposal) {
        proposal = propose(a, owner(3));
        for (uint256 i = 0; i < ownerKeys.length; i++) {
            vote(proposal, i, support);
        }
        vm.warp(governor.proposalDeadline(proposal) + 1);
    }

    function queue(Action memory a) internal {
        governor.queue(a.targets, a.values, a.calldatas, keccak256(bytes(a.description)));
    }

    function execute(Action memory a) internal {
        governor.execute(a.targets, a.values, a.calldatas, keccak256(bytes(a.description)));
    }

    /// All of a vote that succeeds, up to its effect.
    function carryOut(Action memory a) internal {
        (, AssetGovernor.Rules memory r) = governor.rulesFor(decide(a, FOR));
        queue(a);
        skip(r.timelockDelay);
        execute(a);
    }

    function ballot(uint256 key, uint256 proposal, uint8 support, uint256 nonce) internal view returns (bytes memory) {
        return signature(
            key,
            typedDigest(
                "Trove Governor",
                block.chainid,
                address(governor),
                keccak256(abi.encode(keccak256(bytes(BALLOT_TYPE)), proposal, support, vm.addr(key), nonce))
            )
        );
    }

    /// A ballot with its signature in 64 bytes: the parity of y is the highest bit of s (ERC-2098).
    function signedBallot(uint256 key, uint256 proposal, uint8 support)
        internal
        view
        returns (AssetGovernor.SignedBallot memory b)
    {
        bytes memory s = ballot(key, proposal, support, ballotNonce(proposal));
        (b.voter, b.support) = (vm.addr(key), support);
        (bytes32 r, bytes32 low, uint8 v) = (bytes32(0), bytes32(0), uint8(s[64]));
        assembly ("memory-safe") {
            r := mload(add(s, 32))
            low := mload(add(s, 64))
        }
        (b.r, b.vs) = (r, low | bytes32(uint256(v - 27) << 255));
    }

    /// The nonce on a proposal: the key is the lower 192 bits of its identifier, the counter behind it is 0.
    function ballotNonce(uint256 proposal) internal pure returns (uint256) {
        return proposal << 64;
    }

    // Uses

    function granted(Grants.Terms memory t) internal returns (bytes32 id) {
        id = ask(t);
        carryOut(approvalOf(id));
    }

    function granted(bytes32 salt) internal returns (bytes32) {
        return granted(termsOf(salt));
    }

    function runnerSignature(uint256 key, bytes32 structHash) private view returns (bytes memory) {
        return signature(key, typedDigest("Trove Grants", block.chainid, address(grants), structHash));
    }

    function openSignature(uint256 key, bytes32 id, uint32 use, bytes32 oneTimeKey, uint32 version)
        internal
        view
        returns (bytes memory)
    {
        return runnerSignature(
            key,
            keccak256(abi.encode(keccak256(bytes(OPEN_USE_TYPE)), id, use, oneTimeKey, version, vm.addr(key)))
        );
    }

    function resultSignature(uint256 key, bytes32 id, uint32 use) internal view returns (bytes memory) {
        return runnerSignature(
            key, keccak256(abi.encode(keccak256(bytes(RESULT_TYPE)), id, use, RESULT, INPUTS, vm.addr(key)))
        );
    }

    function failureSignature(uint256 key, bytes32 id, uint32 use) internal view returns (bytes memory) {
        return runnerSignature(
            key, keccak256(abi.encode(keccak256(bytes(FAILURE_TYPE)), id, use, bytes32("timeout"), vm.addr(key)))
        );
    }

    function openCall(uint256 key, bytes32 id, uint32 use, uint32 version) internal view returns (bytes memory) {
        return abi.encodeCall(
            grants.openUse,
            (id, use, ONE_TIME_KEY, version, vm.addr(key), openSignature(key, id, use, ONE_TIME_KEY, version))
        );
    }

    function resultCall(uint256 key, bytes32 id, uint32 use) internal view returns (bytes memory) {
        return abi.encodeCall(grants.postResult, (id, use, RESULT, INPUTS, resultSignature(key, id, use)));
    }

    function failureCall(uint256 key, bytes32 id, uint32 use) internal view returns (bytes memory) {
        return abi.encodeCall(grants.failUse, (id, use, "timeout", failureSignature(key, id, use)));
    }

    function open(bytes32 id, uint32 use) internal {
        grants.openUse(
            id, use, ONE_TIME_KEY, 1, runner(0), openSignature(runnerKeys[0], id, use, ONE_TIME_KEY, 1)
        );
    }

    function finish(bytes32 id, uint32 use) internal {
        grants.postResult(id, use, RESULT, INPUTS, resultSignature(runnerKeys[0], id, use));
    }

    function giveUp(bytes32 id, uint32 use) internal {
        grants.failUse(id, use, "timeout", failureSignature(runnerKeys[0], id, use));
    }

    /// An asset that is paid with other money.
    function useMoney(TestDollar money) internal {
        dollar = money;
        AssetFactory.AssetParams memory p = params("money");
        p.paymentToken = address(money);
        useAsset(p);
        grow();
    }

    function reentered(ReentrantDollar money) internal view {
        vm.assertTrue(!money.succeeded(), "the call from within failed");
        vm.assertTrue(
            money.refusal() == ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector, "because of the guard"
        );
    }
}
